import type { ProgressTerminal } from "./progress.ts";

/** Back to the start of the line, and clear it. Source: ECMA-48, EL. */
const CLEAR_LINE = "\r\x1b[2K";

const encoder = new TextEncoder();

/** One line that is written over again and again; cleared when it is disposed of. */
export interface LiveLine extends Disposable {
  show(text: string): void;
}

/** A live line on stderr; nothing at all is written when that is no terminal. */
export function openLiveLine(terminal: ProgressTerminal = Deno.stderr): LiveLine {
  if (!terminal.isTerminal()) return { show() {}, [Symbol.dispose]() {} };
  return {
    show: (text) => write(terminal, `${CLEAR_LINE}${text}`),
    [Symbol.dispose]: () => write(terminal, CLEAR_LINE),
  };
}

function write(terminal: ProgressTerminal, text: string): void {
  let rest: Uint8Array = encoder.encode(text);
  while (rest.length > 0) rest = rest.subarray(terminal.writeSync(rest));
}
