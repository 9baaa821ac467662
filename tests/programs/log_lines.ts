/** A JSON log line. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The log lines of a program, as they come. */
export class LogLines {
  readonly #lines: AsyncIterator<string>;

  constructor(lines: AsyncIterable<string>) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** The next line whose message has `text` in it; those before it are passed over. */
  async next(text: string): Promise<LogLine> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`Cannot find ${JSON.stringify(text)}: the log has ended`);
      const line = JSON.parse(value) as LogLine;
      if (`${line.message}`.includes(text)) return line;
    }
  }
}
