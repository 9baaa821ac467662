import type { Flag } from "../../lib/cli/flag.ts";
import { FILE } from "../../lib/cli/flag_kind.ts";

/** How a server is asked to run the model: V2 over REST or gRPC, or as its `predict` takes it. */
export type Api = "V2 REST" | "V2 gRPC" | "JSON";

/** A model server in Python, if the machine has it. */
export interface PythonPeer {
  /** The package that pip knows it as. */
  readonly name: string;
  /** What is chosen among its settings, for the reader of a table. */
  readonly settings: string;
  /** The file beside this one that starts it. */
  readonly file: string;
  /** One for each port that it listens on. */
  readonly apis: readonly Api[];
  /** The Python that has it and onnxruntime. */
  readonly python: Flag<string>;
}

/** Each runs the model in one place at a time, without batches; none writes a log of accesses. */
export const PYTHON_PEERS: readonly PythonPeer[] = [
  {
    name: "mlserver",
    settings: "parallel_workers 0: one process",
    file: "mlserver_server.py",
    apis: ["V2 REST", "V2 gRPC"],
    python: pythonOf("mlserver"),
  },
  {
    name: "litserve",
    settings: "a process for HTTP, one for the model",
    file: "litserve_server.py",
    apis: ["JSON"],
    python: pythonOf("litserve"),
  },
  {
    name: "bentoml",
    settings: "one worker process",
    file: "bentoml_server.py",
    apis: ["JSON"],
    python: pythonOf("bentoml"),
  },
];

function pythonOf(name: string): Flag<string> {
  return {
    name: `--${name}-python`,
    placeholder: "file",
    summary: `the Python that has ${name} and onnxruntime`,
    kind: FILE,
    variable: `${name.toUpperCase()}_PYTHON`,
  };
}
