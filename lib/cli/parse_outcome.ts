/** Exit codes of a program that ends at its command line. Source: Bash and POSIX tools' custom. */
export const EXIT_SUCCESS = 0;
export const EXIT_USAGE = 2;

/**
 * What a program has to do after its command line was read: run with the flags, or write these
 * texts (each empty or ending in a line break) and exit with the code.
 */
export type ParseOutcome<Flags> =
  | { readonly kind: "run"; readonly flags: Flags }
  | {
    readonly kind: "exit";
    readonly code: typeof EXIT_SUCCESS | typeof EXIT_USAGE;
    readonly stdout: string;
    readonly stderr: string;
  };
