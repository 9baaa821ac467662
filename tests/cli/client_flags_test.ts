import assert from "node:assert/strict";
import { parseClientFlags } from "../../lib/cli/client_flags.ts";
import { EXIT_SUCCESS, EXIT_USAGE } from "../../lib/cli/parse_outcome.ts";
import { VERSION } from "../../lib/cli/version.ts";

const TARGET = { host: "127.0.0.1", port: 5440 };
const SEED = "an integer from 0 to 4294967295, or random";

Deno.test("parseClientFlags() reads the random workload's flags", async (t) => {
  const defaults = { workload: "random", target: TARGET, threads: 8, requests: 1000, seed: 7 };
  const cases: readonly (readonly [args: readonly string[], change: object])[] = [
    [[], {}],
    [["--threads", "1"], { threads: 1 }],
    [["--threads", "256"], { threads: 256 }],
    [["--requests", "1"], { requests: 1 }],
    [["--requests=1000000"], { requests: 1_000_000 }],
    [["--tls"], { tls: {} }],
    [["--tls", "--ca", "ca.pem"], { tls: { caFile: "ca.pem" } }],
    [["--token-file", "token"], { tokenFile: "token" }],
  ];
  for (const [args, change] of cases) {
    await t.step(args.join(" "), () => {
      assert.deepEqual(parseClientFlags(["5440", "--seed", "7", ...args]), {
        kind: "run",
        flags: { ...defaults, ...change },
      });
    });
  }
});

Deno.test("parseClientFlags() draws a seed if none is given", () => {
  const seeds = new Set<number>();
  for (const args of [["5440"], ["5440"], ["5440", "--seed", "random"]]) {
    const outcome = parseClientFlags(args);
    assert.ok(outcome.kind === "run" && outcome.flags.workload === "random");
    const { seed } = outcome.flags;
    assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32);
    seeds.add(seed);
  }
  // All three equal once in 2⁶⁴ runs.
  assert.ok(seeds.size > 1);
});

Deno.test("parseClientFlags() takes the extreme seeds", () => {
  for (const seed of [0, 4_294_967_295]) {
    const outcome = parseClientFlags(["--seed", `${seed}`, "5440"]);
    assert.ok(outcome.kind === "run" && outcome.flags.workload === "random");
    assert.equal(outcome.flags.seed, seed);
  }
});

Deno.test("parseClientFlags() reads a workload file's name and the target", () => {
  assert.deepEqual(parseClientFlags(["[::1]:54321", "my workload.json"]), {
    kind: "run",
    flags: {
      workload: "file",
      target: { host: "::1", port: 54_321 },
      file: "my workload.json",
    },
  });
});

Deno.test("parseClientFlags() takes TLS and a token beside a workload file", () => {
  assert.deepEqual(parseClientFlags(["5440", "w.json", "--tls", "--token-file", "token"]), {
    kind: "run",
    flags: { workload: "file", target: TARGET, file: "w.json", tls: {}, tokenFile: "token" },
  });
});

Deno.test("parseClientFlags() says what is wrong", async (t) => {
  const notWithFile = "is for the random workload, and cannot be used with a WORKLOAD file";
  const cases: readonly (readonly [args: readonly string[], message: string])[] = [
    [[], "missing required argument 'TARGET'"],
    [["x"], 'TARGET is "x", expected PORT, HOST:PORT or [IPV6]:PORT'],
    [["0"], 'TARGET is "0", expected a port from 1 to 65535'],
    [["5440", "a", "b"], 'unexpected argument "b", expected at most 2 beside the flags'],
    [["5440", "--threads", "0"], '--threads is "0", expected an integer from 1 to 256'],
    [["5440", "--threads", "257"], '--threads is "257", expected an integer from 1 to 256'],
    [["5440", "--requests", "0"], '--requests is "0", expected an integer from 1 to 1000000'],
    [["5440", "--requests", "many"], '--requests is "many", expected an integer from 1 to 1000000'],
    [["5440", "--seed", "4294967296"], `--seed is "4294967296", expected ${SEED}`],
    [["5440", "--seed", "-1"], `--seed is "-1", expected ${SEED}`],
    [["5440", "--seed"], `--seed has no value, expected ${SEED}`],
    [["5440", "--seeds", "1"], "unknown option '--seeds' (Did you mean --seed?)"],
    [["5440", "w.json", "--threads", "8"], `--threads ${notWithFile}`],
    [["5440", "w.json", "--requests", "1"], `--requests ${notWithFile}`],
    [["5440", "w.json", "--seed", "1"], `--seed ${notWithFile}`],
    [["5440", "--ca", "ca.pem"], "--ca is given, and --tls is not"],
    [["5440", "--tls", "--ca", ""], '--ca is "", expected a file'],
  ];
  for (const [args, message] of cases) {
    await t.step(message, () => {
      assert.deepEqual(parseClientFlags(args), {
        kind: "exit",
        code: EXIT_USAGE,
        stdout: "",
        stderr: `client: ${message}\n` +
          "Usage: client [options] <TARGET> [WORKLOAD]\nTry: client --help\n",
      });
    });
  }
});

Deno.test("parseClientFlags() puts help and version on stdout", () => {
  const version = parseClientFlags(["--version"]);
  const exit = { kind: "exit", code: EXIT_SUCCESS, stderr: "" };
  assert.deepEqual(version, { ...exit, stdout: `${VERSION}\n` });
  const help = parseClientFlags(["--help"]);
  assert.ok(help.kind === "exit");
  assert.deepEqual({ ...help, stdout: "" }, { ...exit, stdout: "" });
  for (const word of ["TARGET", "WORKLOAD", "--threads", "--requests", "--seed", "--tls", "--ca"]) {
    assert.ok(help.stdout.includes(word), word);
  }
});
