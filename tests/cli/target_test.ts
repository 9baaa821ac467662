import assert from "node:assert/strict";
import { parseTarget } from "../../lib/cli/target.ts";

Deno.test("parseTarget() reads ports, hosts and IPv6 addresses", async (t) => {
  const cases: readonly (readonly [text: string, host: string, port: number])[] = [
    ["5440", "127.0.0.1", 5440],
    ["1", "127.0.0.1", 1],
    ["localhost:65535", "localhost", 65_535],
    ["10.0.0.1:5440", "10.0.0.1", 5440],
    ["model_server.internal:80", "model_server.internal", 80],
    ["[::1]:5440", "::1", 5440],
    ["[fe80::1:2]:5440", "fe80::1:2", 5440],
    ["[::ffff:10.0.0.1]:5440", "::ffff:10.0.0.1", 5440],
  ];
  for (const [text, host, port] of cases) {
    await t.step(text, () => assert.deepEqual(parseTarget(text), { host, port }));
  }
});

Deno.test("parseTarget() says what it expects instead", async (t) => {
  const form = "PORT, HOST:PORT or [IPV6]:PORT";
  const cases: readonly (readonly [text: string, expected: string])[] = [
    ["", form],
    ["localhost", form],
    ["localhost:", form],
    [":5440", form],
    ["::1:5440", form],
    ["[::1]5440", form],
    ["[::1]", form],
    ["http://localhost:5440", form],
    ["5440 ", form],
    ["-1", form],
    ["[]:5440", "an IPv6 address in the brackets"],
    ["[localhost]:5440", "an IPv6 address in the brackets"],
    ["[::x]:5440", "an IPv6 address in the brackets"],
    ["a b:5440", "a host name or an IPv4 address before the colon"],
    ["-x:5440", "a host name or an IPv4 address before the colon"],
    ["0", "a port from 1 to 65535"],
    ["localhost:65536", "a port from 1 to 65535"],
  ];
  for (const [text, expected] of cases) {
    await t.step(JSON.stringify(text), () => {
      assert.throws(() => parseTarget(text), {
        name: "OperationError",
        code: "invalid-argument",
        message: `TARGET is ${JSON.stringify(text)}, expected ${expected}`,
      });
    });
  }
});
