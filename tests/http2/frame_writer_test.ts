import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameWriter } from "../../lib/http2/frame_writer.ts";
import { bytePipe, type PipeEnd, quiescence } from "./byte_pipe.ts";

/** A writer into a pipe, and what came out of its other end. */
class WrittenPipe {
  readonly writer: FrameWriter;
  readonly failures: unknown[] = [];
  readonly near: PipeEnd;
  readonly far: PipeEnd;
  written = 0;

  constructor(options: { capacityBytes?: number; cut?: () => number }) {
    [this.near, this.far] = bytePipe({}, options);
    this.writer = new FrameWriter(this.far, {
      onWritten: () => this.written++,
      onFailure: (error) => this.failures.push(error),
    });
  }

  async readAll(): Promise<number[]> {
    const into = new Uint8Array(1_000);
    const all: number[] = [];
    for (;;) {
      const count = await this.near.read(into);
      if (count === null) return all;
      all.push(...into.subarray(0, count));
    }
  }
}

Deno.test("FrameWriter writes everything once and in order, one write at a time", async () => {
  const step = fc.record({
    bytes: fc.nat({ max: 50 }),
    flush: fc.boolean(),
    pauses: fc.nat({ max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 60 }),
      async (steps, capacityBytes) => {
        const pipe = new WrittenPipe({ capacityBytes });
        const result = pipe.readAll();
        let next = 0;
        for (const { bytes, flush, pauses } of steps) {
          pipe.writer.addBytes(Uint8Array.from({ length: bytes }, () => next++));
          if (flush) pipe.writer.flush();
          for (let i = 0; i < pauses; i++) await null;
        }
        await pipe.writer.idle();
        assert.equal(pipe.writer.bytes, 0);
        pipe.far.close();
        assert.deepEqual(await result, Array.from({ length: next }, (_, i) => i & 255));
        assert.deepEqual(pipe.failures, []);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("FrameWriter.written() waits for one write, idle() for all", async () => {
  const pipe = new WrittenPipe({ capacityBytes: 10 });
  const events: string[] = [];
  pipe.writer.addBytes(new Uint8Array(15));
  pipe.writer.flush();
  pipe.writer.addBytes(new Uint8Array(7));
  assert.equal(pipe.writer.bytes, 22);
  pipe.writer.written().then(() => events.push("written"));
  pipe.writer.idle().then(() => events.push("idle"));
  await quiescence();
  assert.deepEqual(events, []);
  await pipe.near.read(new Uint8Array(10));
  await quiescence();
  assert.deepEqual(events, ["written"]);
  await pipe.near.read(new Uint8Array(10));
  await quiescence();
  assert.deepEqual(events, ["written", "idle"]);
  await Promise.all([pipe.writer.written(), pipe.writer.idle()]);
});

Deno.test("FrameWriter tells of a failure once, and drops what comes after it", async () => {
  const pipe = new WrittenPipe({});
  pipe.near.close();
  for (let i = 0; i < 3; i++) {
    pipe.writer.addBytes(new Uint8Array(5));
    await pipe.writer.idle();
  }
  assert.equal(pipe.failures.length, 1);
  assert.equal(pipe.writer.bytes, 0);
});

Deno.test("FrameWriter.close() drops what is not under way", async () => {
  const pipe = new WrittenPipe({ capacityBytes: 10 });
  const result = pipe.readAll();
  pipe.writer.addBytes(new Uint8Array(15));
  pipe.writer.flush();
  pipe.writer.addBytes(new Uint8Array(7));
  pipe.writer.close();
  pipe.writer.addBytes(new Uint8Array(7));
  await pipe.writer.idle();
  pipe.far.close();
  assert.equal((await result).length, 15);
});
