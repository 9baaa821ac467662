import assert from "node:assert/strict";
import { type BenchFlags, parseBenchFlags } from "../../lib/cli/bench_flags.ts";
import { EXIT_SUCCESS, EXIT_USAGE } from "../../lib/cli/parse_outcome.ts";

const DEFAULTS: BenchFlags = {
  target: { host: "127.0.0.1", port: 5440 },
  targetText: "5440",
  workload: {
    kind: "method",
    method: "predict",
    choice: { inputs: 10, distinct: 1, zipf: 0 },
  },
  loop: { kind: "closed", inflight: 1 },
  length: { kind: "duration", durationMs: 10_000 },
  connections: 8,
  threads: "auto",
  warmupMs: 1_000,
  deadlineMs: 30_000,
  seed: 7,
  output: "table",
  search: { kind: "once" },
};

Deno.test("parseBenchFlags() reads the flags", async (t) => {
  const open = { kind: "open", ratePerSecond: 1_000, arrivals: "constant" } as const;
  const vectors = { inputs: 3, distinct: 20, zipf: 1.1 };
  const cases: readonly (readonly [args: readonly string[], change: Partial<BenchFlags>])[] = [
    [[], {}],
    [["--method", "set-coefs"], {
      workload: { ...DEFAULTS.workload, method: "set-coefs" } as never,
    }],
    [["--method", "invoke"], { workload: { ...DEFAULTS.workload, method: "invoke" } as never }],
    [["--method", "fact", "--distinct", "5"], {
      workload: {
        kind: "method",
        method: "fact",
        choice: { inputs: undefined, distinct: 5, zipf: 0 },
      },
    }],
    [["--method", "infer", "--model", "m"], {
      workload: {
        kind: "infer",
        model: { name: "m", version: undefined, rows: undefined, tensors: [] },
        choice: { inputs: undefined, distinct: 1, zipf: 0 },
      },
    }],
    [
      ["--workload", "infer", "--model", "m", "--model-version", "2", "--rows", "4"]
        .concat("--inputs", "3", "--distinct", "20", "--zipf", "1.1"),
      {
        workload: {
          kind: "infer",
          model: { name: "m", version: "2", rows: 4, tensors: [] },
          choice: vectors,
        },
      },
    ],
    [["--sweep", "1,2,4"], { search: { kind: "sweep", loads: [1, 2, 4] } }],
    [["--slo", "p99=2ms"], {
      search: { kind: "slo", slo: { figure: "p99", limitMs: 2 } },
      loop: open,
    }],
    [["--tls", "--ca", "a.pem", "--token-file", "t"], { tls: { caFile: "a.pem" }, tokenFile: "t" }],
    [["--output", "html"], { output: "html" }],
    [["--workload", "numstore"], { workload: { kind: "numstore" } }],
    [["--workload", "random"], { workload: { kind: "random" } }],
    [["--workload", "w.json"], { workload: { kind: "file", file: "w.json" } }],
    [["--workload", "random:3"], { workload: { kind: "random" } }],
    [["--workload", '"fact"'], { workload: { kind: "file", file: "fact" } }],
    [["--workload", "predict"], {}],
    [["--workload", 'random:3,"a,b.json":0.5,numstore'], {
      workload: {
        kind: "mix",
        parts: [
          { workload: { kind: "random" }, weight: 3 },
          { workload: { kind: "file", file: "a,b.json" }, weight: 0.5 },
          { workload: { kind: "numstore" }, weight: 1 },
        ],
      },
    }],
    [
      [
        "--workload",
        "fact:2,predict,numstore",
        "--inputs",
        "3",
        "--distinct",
        "20",
        "--zipf",
        "1.1",
      ],
      {
        workload: {
          kind: "mix",
          parts: [
            {
              workload: {
                kind: "method",
                method: "fact",
                choice: { ...vectors, inputs: undefined },
              },
              weight: 2,
            },
            { workload: { kind: "method", method: "predict", choice: vectors }, weight: 1 },
            { workload: { kind: "numstore" }, weight: 1 },
          ],
        },
      },
    ],
    [
      ["--inputs", "3", "--distinct", "20", "--zipf", "1.1"],
      { workload: { kind: "method", method: "predict", choice: vectors } },
    ],
    [["--connections", "2", "--inflight", "10"], {
      connections: 2,
      loop: { kind: "closed", inflight: 10 },
    }],
    [["--connections", "1"], { connections: 1 }],
    [["--connections", "64"], { connections: 64 }],
    [["--threads", "8"], { threads: 8 }],
    [["--rate", "1000"], { loop: open }],
    [["--rate", "120000"], { loop: { ...open, ratePerSecond: 120_000 } }],
    [["--rate", "1000", "--arrivals", "poisson"], {
      loop: { ...open, arrivals: "poisson" },
    }],
    [["--duration", "500ms"], { length: { kind: "duration", durationMs: 500 } }],
    [["--duration", "1.5m"], { length: { kind: "duration", durationMs: 90_000 } }],
    [["--requests", "5000"], { length: { kind: "requests", requests: 5_000 } }],
    [["--warmup", "0s"], { warmupMs: 0 }],
    [["--deadline", "100ms"], { deadlineMs: 100 }],
    [["--output", "json"], { output: "json" }],
  ];
  for (const [args, change] of cases) {
    await t.step(args.join(" "), () => {
      assert.deepEqual(parseBenchFlags(["5440", "--seed", "7", ...args]), {
        kind: "run",
        flags: { ...DEFAULTS, ...change },
      });
    });
  }
});

Deno.test("parseBenchFlags() says what is wrong", async (t) => {
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[], /missing required argument 'TARGET'/],
    [
      ["5440", "--method", "list"],
      /--method is "list", expected predict or set-coefs or set-num or fact or invoke or infer/,
    ],
    [
      ["5440", "--duration", "10"],
      /--duration is "10", expected a time from 1ms to 24h, such as 500ms/,
    ],
    [["5440", "--method", "infer"], /--method infer needs --model/],
    [["5440", "--model", "m"], /--model is for --method infer/],
    [["5440", "--workload", "random,fact", "--rows", "2"], /--rows is for --method infer/],
    [["5440", "--duration", "0s"], /--duration is "0s"/],
    [["5440", "--rate", "0"], /--rate is "0", expected a number from 0.001 to 10000000/],
    [["5440", "--rate", "9", "--inflight", "2"], /--inflight cannot be used with --rate/],
    [["5440", "--arrivals", "poisson"], /--arrivals is for an open loop, and needs --rate/],
    [["5440", "--requests", "9", "--duration", "1s"], /--duration cannot be used with --requests/],
    [["5440", "--workload", "random", "--zipf", "1"], /--zipf cannot be used with --workload/],
    [["5440", "--workload", "random", "--method", "predict"], /--method cannot be used/],
    [
      ["5440", "--workload", ""],
      /--workload is "", expected random, numstore, a method or the name/,
    ],
    [
      ["5440", "--workload", "random:0,numstore"],
      /--workload is "random:0,numstore", with the weight "0": expected NAME or NAME:WEIGHT, /,
    ],
    [
      ["5440", "--workload", "fact,random", "--inputs", "3"],
      /--inputs cannot be used with --workload that has no method for it/,
    ],
    [
      ["5440", "--workload", "set-coefs,random", "--inputs", "3"],
      /--inputs is 3, expected 10 beside random/,
    ],
    [
      ["5440", "--workload", "predict,fact", "--distinct", "30"],
      /--distinct is 30, expected at most 21 with fact/,
    ],
    [["5440", "--threads", "9"], /--threads is 9, expected at most one for each of 8 connections/],
    [
      ["5440", "--inputs", "10000", "--distinct", "10000"],
      /make 100000000 floats, expected at most/,
    ],
    [["5440", "--rate", "1000000", "--duration", "1h"], /make 3600000000 calls, expected at most/],
    [
      ["5440", "--output", "xml"],
      /--output is "xml", expected table or csv or hdr or html or json/,
    ],
    [["5440", "--method", "fact", "--inputs", "3"], /--inputs cannot be used with --method fact/],
    [
      ["5440", "--method", "fact", "--distinct", "22"],
      /--distinct is 22, expected at most 21 with/,
    ],
    [
      ["5440", "--method", "set-num", "--distinct", "70000"],
      /--distinct is 70000, expected at most 65536 with set-num/,
    ],
    [["5440", "--sweep", "4,2"], /--sweep is "4,2", expected up to 64 ascending integers/],
    [["5440", "--sweep", "1,20000"], /--sweep has 20000 connections, expected at most 16384/],
    [["5440", "--slo", "p98=2ms"], /--slo is "p98=2ms", expected FIGURE=TIME such as p99=2ms/],
    [["5440", "--slo", "p99=2ms", "--sweep", "1"], /--sweep cannot be used with --slo/],
    [["5440", "--sweep", "1", "--output", "json"], /--output cannot be used with --sweep/],
    [["5440", "--slo", "p99=2ms", "--requests", "50"], /--requests cannot be used with --slo/],
    [
      ["5440", "--sweep", "1,2", "--connections", "4"],
      /--connections cannot be used with --sweep without --rate/,
    ],
    [
      ["5440", "--sweep", "1,2", "--rate", "1", "--requests", "9"],
      /--requests cannot be used with --sweep and --rate/,
    ],
    [
      ["5440", "--sweep", "2,16", "--threads", "4"],
      /--threads is 4, expected at most one for each of 2 connections/,
    ],
    [
      ["5440", "--rate", "1", "--sweep", "1,1000000", "--duration", "1h"],
      /--sweep and --duration make 3600000000 calls, expected at most/,
    ],
    [["5440", "--ca", "a.pem"], /--ca is given, and --tls is not/],
    [["5440", "w.json"], /unexpected argument "w.json"/],
  ];
  for (const [args, message] of cases) {
    await t.step(message.source, () => {
      const outcome = parseBenchFlags(args);
      assert.ok(outcome.kind === "exit");
      assert.deepEqual([outcome.code, outcome.stdout], [EXIT_USAGE, ""]);
      assert.match(outcome.stderr, message);
      assert.match(outcome.stderr, /^client bench: .*\nUsage: client bench \[options\] <TARGET>\n/);
    });
  }
});

Deno.test("parseBenchFlags() puts help on stdout", () => {
  const help = parseBenchFlags(["--help"]);
  assert.ok(help.kind === "exit");
  assert.deepEqual([help.code, help.stderr], [EXIT_SUCCESS, ""]);
  for (const word of ["TARGET", "--rate", "--arrivals", "--zipf", "--output", "--warmup"]) {
    assert.ok(help.stdout.includes(word), word);
  }
});
