import cliProgress from "cli-progress";

/** The width of the bar's terminal if it does not tell. */
const COLUMNS_DEFAULT = 80;

/** A running count that somebody may watch. */
export interface Progress extends Disposable {
  /** Shows that `done` are done now. Cheap: it is drawn ten times a second at most. */
  update(done: number): void;
}

/** What the bar is drawn on, such as `Deno.stderr`. */
export interface ProgressTerminal {
  isTerminal(): boolean;
  /** Writes some of the bytes at once and returns how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Options of `openProgress`. */
export interface ProgressOptions {
  /** How many there are to do. */
  readonly total: number;
  readonly terminal?: ProgressTerminal;
}

/** What we call of cli-progress, which has no types of its own. */
interface Bar {
  start(total: number, startValue: number): void;
  update(value: number): void;
  stop(): void;
}

/** What cli-progress calls of the Node stream that it expects. */
interface BarStream {
  readonly isTTY: true;
  readonly columns: number;
  write(text: string): boolean;
}

const encoder = new TextEncoder();

/**
 * A progress bar on stderr while the result is not disposed; then the line is cleared. If stderr is
 * no terminal, nothing at all is written.
 *
 * The cursor stays visible and line wrapping on, so that a killed program leaves the terminal sane.
 * Needs no permission.
 *
 * @example
 * ```ts
 * import { openProgress } from "./progress.ts";
 * using progress = openProgress({ total: 2 });
 * for (const done of [1, 2]) progress.update(done);
 * ```
 */
export function openProgress({ total, terminal = Deno.stderr }: ProgressOptions): Progress {
  if (!terminal.isTerminal()) return { update() {}, [Symbol.dispose]() {} };
  const bar: Bar = new cliProgress.SingleBar({
    format: "{bar} {percentage} % | {value}/{total} | {eta_formatted} left",
    stream: openStream(terminal),
    clearOnComplete: true,
    linewrap: true,
  }, cliProgress.Presets.shades_classic);
  bar.start(total, 0);
  return {
    update: (done) => bar.update(done),
    [Symbol.dispose]: () => bar.stop(),
  };
}

function openStream(terminal: ProgressTerminal): BarStream {
  return {
    isTTY: true,
    columns: terminalColumns(),
    write(text) {
      let rest: Uint8Array = encoder.encode(text);
      while (rest.length > 0) rest = rest.subarray(terminal.writeSync(rest));
      return true;
    },
  };
}

function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return COLUMNS_DEFAULT;
  }
}
