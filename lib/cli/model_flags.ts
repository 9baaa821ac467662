import {
  type Flag,
  flagValue,
  type GivenArguments,
  optionalFlagValue,
  refuseWithout,
} from "./flag.ts";
import { FILE, integerFrom, oneOf, orWord } from "./flag_kind.ts";

/** The largest TCP port. */
const PORT_MAX = 65_535;

/** The word for no REST at all. */
const OFF = "off";

/** When models of a repository are loaded. */
export type ModelMode = "all" | "watch" | "explicit";

/** What `server` serves beside ModelServer and NumStore, and where REST is. */
export interface ModelFlags {
  /** TCP port of REST, 0 for any free one; undefined for none. */
  readonly httpPort: number | undefined;
  /** Whether somebody has asked for that port: else the server does without where it is taken. */
  readonly httpPortGiven: boolean;
  /** The folder of models; without it there is the linear model alone. */
  readonly models?: {
    readonly folder: string;
    readonly mode: ModelMode;
    /** Where fetched files are kept; undefined for a folder that goes with the server. */
    readonly cacheFolder: string | undefined;
  };
}

const httpPort: Flag<number | typeof OFF> = {
  name: "--http-port",
  placeholder: "number",
  summary: "TCP port of REST, 0 for any free one, off for none",
  kind: orWord(integerFrom(0, PORT_MAX), OFF),
  fallback: "8080",
  variable: "MODELSERVER_HTTP_PORT",
};
const models: Flag<string> = {
  name: "--models",
  placeholder: "folder",
  summary: "serve the models in it: NAME/model.json and NAME/VERSION/…",
  kind: FILE,
  variable: "MODELSERVER_MODELS",
};
const modelMode: Flag<ModelMode> = {
  name: "--model-mode",
  placeholder: "mode",
  summary: "load all models at the start, watch the folder too, or load on explicit calls",
  kind: oneOf(["all", "watch", "explicit"]),
  fallback: "all",
  variable: "MODELSERVER_MODEL_MODE",
};
const modelCache: Flag<string> = {
  name: "--model-cache",
  placeholder: "folder",
  summary: "keep files of models that are fetched; without it they go with the server",
  kind: FILE,
  variable: "MODELSERVER_MODEL_CACHE",
};

/** The flags of what is served over REST, and of models. */
export const MODEL_FLAGS: readonly Flag<unknown>[] = [httpPort, models, modelMode, modelCache];

/** @throws {OperationError} `invalid-argument` for flags of a model folder without one. */
export function readModelFlags(given: GivenArguments): ModelFlags {
  const port = flagValue(httpPort, given);
  const folder = optionalFlagValue(models, given);
  const mode = flagValue(modelMode, given);
  const cacheFolder = optionalFlagValue(modelCache, given);
  refuseWithout(models, [modelMode, modelCache], given);
  return {
    httpPort: port === OFF ? undefined : port,
    httpPortGiven: given.texts.has(httpPort.name),
    ...(folder === undefined ? {} : { models: { folder, mode, cacheFolder } }),
  };
}
