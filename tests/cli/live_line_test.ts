import assert from "node:assert/strict";
import { openLiveLine } from "../../lib/cli/live_line.ts";

class FakeTerminal {
  readonly #terminal: boolean;
  text = "";

  constructor(terminal: boolean) {
    this.#terminal = terminal;
  }

  isTerminal(): boolean {
    return this.#terminal;
  }

  /** One byte at a time, as a terminal may. */
  writeSync(bytes: Uint8Array): number {
    this.text += String.fromCharCode(bytes[0]);
    return 1;
  }
}

Deno.test("openLiveLine() writes over its line, and leaves none", () => {
  const terminal = new FakeTerminal(true);
  {
    using line = openLiveLine(terminal);
    line.show("one");
    line.show("two");
  }
  assert.equal(terminal.text, "\r\x1b[2Kone\r\x1b[2Ktwo\r\x1b[2K");
});

Deno.test("openLiveLine() writes nothing where there is no terminal", () => {
  const terminal = new FakeTerminal(false);
  {
    using line = openLiveLine(terminal);
    line.show("one");
  }
  assert.equal(terminal.text, "");
});
