import project from "../../deno.json" with { type: "json" };

/** What the server says of itself over the Open Inference Protocol. */
export interface ServerAbout {
  readonly name: string;
  readonly version: string;
  /** Extensions of the protocol that are offered, as Triton names them. */
  readonly extensions: readonly string[];
}

/** The same over every protocol, apart from extensions that one protocol alone has. */
export const SERVER_ABOUT: ServerAbout = {
  name: "modelserver",
  version: project.version,
  extensions: [
    "model_configuration",
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
  ],
};
