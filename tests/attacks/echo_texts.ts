/** What a note's `text` asks `echo_program.ts` for; any other is sent back. */

/** Wait until the call ends. */
export const HANG = "hang";

/** Answer with a body of ANSWER_BYTES. */
export const LARGE = "large";

/** Tell how many calls have begun to wait, and how those that did have ended. */
export const ENDS = "ends";

/** A body of the answer to LARGE. */
export const ANSWER_BYTES = 65_536;
