import { SharedMutex } from "../../lib/lock/shared_mutex.ts";

const mutex = new SharedMutex(SharedMutex.allocate(), 1);

Deno.bench("SharedMutex.acquire, release with try and finally", () => {
  mutex.acquire();
  try {
    mutex.assertHeld();
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedMutex.acquire with using", () => {
  using _ = mutex.acquire();
  mutex.assertHeld();
});
