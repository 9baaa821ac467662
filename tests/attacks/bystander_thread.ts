/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** The client beside an attack, on a thread of its own: what it measures is the server, not the attacker. */

import { openChannel } from "../../lib/grpc/channel.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import type { BystanderCommand, BystanderReport } from "./bystander.ts";

/** Warms up the server's code and heap, so that what it takes later is the attack's. */
const WARM_UP_CALLS = 2_000;
const WARM_UP_AT_ONCE = 20;

/** A call starts every so often, whether or not the ones before are answered. */
const PERIOD_MS = 5;
const CALL_TIMEOUT_MS = 3_000;
const COEFS = [1, 2, 3];

const report = (message: BystanderReport) => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<BystanderCommand>) => {
  if (data.type !== "start") return;
  const channel = openChannel({ hostname: "127.0.0.1", port: data.port });
  const client = new ModelServerClient(channel);
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  let number = 0;
  const call = async () => {
    const startMs = performance.now();
    // Some are in the cache, some are not.
    const input = number++ % 20;
    try {
      const { output, error } = await client.predict([input, 1, 2], {
        timeoutMs: CALL_TIMEOUT_MS,
      });
      if (output !== input + 8) failures.push(`output ${output} for ${input} ${error}`);
    } catch (error) {
      failures.push(String(error));
    }
    latenciesMs.push(performance.now() - startMs);
  };
  await client.setCoefs(COEFS);
  for (let done = 0; done < WARM_UP_CALLS; done += WARM_UP_AT_ONCE) {
    await Promise.all(Array.from({ length: WARM_UP_AT_ONCE }, call));
  }
  latenciesMs.length = 0;
  report({ type: "ready" });
  const timer = setInterval(() => {
    const done = call().finally(() => pending.delete(done));
    pending.add(done);
  }, PERIOD_MS);
  self.onmessage = async () => {
    clearInterval(timer);
    await Promise.all(pending);
    channel.close();
    report({ type: "stopped", latenciesMs, failures });
  };
};
