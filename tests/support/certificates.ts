/** The path of a file in `certificates`. */
export function certificatePath(name: string): string {
  return new URL(`./certificates/${name}`, import.meta.url).pathname;
}

/** Its text. */
export function certificateText(name: string): string {
  return Deno.readTextFileSync(certificatePath(name));
}

/** The certificate `name` with its key: `first` of `authority`, `second` of `other_authority`. */
export function keyPairOf(name: string): { cert: string; key: string } {
  return { cert: certificateText(`${name}.pem`), key: certificateText(`${name}.key`) };
}
