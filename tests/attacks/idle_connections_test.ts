import assert from "node:assert/strict";
import { join, PREFACE, settings } from "../http2/wire.ts";
import { attackTest, HEAP_BYTES } from "./attack.ts";

const CONNECTIONS = 10_000;
const AT_ONCE = 100;
const KIB = 1_024;

/**
 * What a connection takes that has exchanged its preface and does nothing: buffers of 6 to 8 KiB, two
 * HPACK tables, its parts, what the runtime has for a socket, and what was not collected yet.
 */
const IDLE_CONNECTION_BYTES = 40 * KIB;

/** Descriptors that a process may have for something else. */
const DESCRIPTORS_BESIDE = 500;

/** As many connections as there may be: each takes a descriptor at either end. */
function connectionsMax(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const descriptors = Number(/^Max open files\s+([0-9]+)/m.exec(limits)?.[1]);
  return Math.min(CONNECTIONS, descriptors - DESCRIPTORS_BESIDE);
}

const GREETING = join(PREFACE, settings());

async function greet(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(GREETING);
  const count = await connection.read(new Uint8Array(KIB));
  assert.ok(count !== null, "the server has not answered the preface");
  return connection;
}

attackTest(
  "Ten thousand idle connections cost some KiB each, and nobody's calls",
  {
    attackMs: 1_000,
    allowanceBytes: HEAP_BYTES + CONNECTIONS * IDLE_CONNECTION_BYTES,
  },
  async ({ victim, note, over }) => {
    const connections: Deno.TcpConn[] = [];
    const count = connectionsMax();
    const beforeBytes = victim.residentBytes;
    try {
      while (connections.length < count) {
        connections.push(
          ...await Promise.all(Array.from({ length: AT_ONCE }, () => greet(victim.port))),
        );
      }
      // Some rounds of the keeper look at all of them.
      await over;
      const eachBytes = (victim.residentBytes - beforeBytes) / connections.length;
      note(`${connections.length} connections, ${(eachBytes / KIB).toFixed(1)} KiB each`);
      assert.ok(eachBytes <= IDLE_CONNECTION_BYTES, `a connection took ${eachBytes} bytes`);
    } finally {
      for (const connection of connections) connection.close();
    }
  },
);
