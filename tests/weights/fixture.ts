/** The bytes of a file of `fixtures`. */
export function readFixture(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
}

/** Whether this test run may read them. */
export const mayReadFixtures = Deno.permissions.querySync({ name: "read" }).state === "granted";
