import project from "../../deno.json" with { type: "json" };

/** The version of this build, as `deno.json` has it: the one place where it is written. */
export const VERSION: string = project.version;
