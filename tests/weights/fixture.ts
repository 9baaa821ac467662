/** The bytes of a file of `fixtures`. */
export function readFixture(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
}

/** Whether this test run may read them. */
export const mayReadFixtures = Deno.permissions.querySync({ name: "read" }).state === "granted";

/** The folder of the Pipeline system's own weights, where the environment names one. */
export const pipelineWeights: string | undefined = mayReadVariable("PIPELINE_WEIGHTS")
  ? Deno.env.get("PIPELINE_WEIGHTS")
  : undefined;

function mayReadVariable(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}
