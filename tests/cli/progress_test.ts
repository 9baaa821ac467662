import assert from "node:assert/strict";
import { openProgress } from "../../lib/cli/progress.ts";

class FakeTerminal {
  text = "";
  readonly #isTerminal: boolean;

  constructor({ isTerminal }: { isTerminal: boolean }) {
    this.#isTerminal = isTerminal;
  }

  isTerminal(): boolean {
    return this.#isTerminal;
  }

  writeSync(bytes: Uint8Array): number {
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }
}

Deno.test("openProgress() draws the count on a terminal and clears the line at the end", () => {
  const terminal = new FakeTerminal({ isTerminal: true });
  {
    using progress = openProgress({ total: 8000, terminal });
    assert.match(terminal.text, /0 % \| 0\/8000/);
    progress.update(4000);
  }
  assert.match(terminal.text, /50 % \| 4000\/8000/);
  // deno-lint-ignore no-control-regex
  assert.match(terminal.text, /\x1b\[2K$/);
});

Deno.test("openProgress() leaves the cursor visible and wrapping on", () => {
  const terminal = new FakeTerminal({ isTerminal: true });
  openProgress({ total: 1, terminal })[Symbol.dispose]();
  assert.ok(!terminal.text.includes("\x1b[?"));
});

Deno.test("openProgress() writes nothing if there is no terminal", () => {
  const terminal = new FakeTerminal({ isTerminal: false });
  {
    using progress = openProgress({ total: 10, terminal });
    progress.update(5);
  }
  assert.equal(terminal.text, "");
});

Deno.test("openProgress() may be disposed and updated again after the end", () => {
  const terminal = new FakeTerminal({ isTerminal: true });
  const progress = openProgress({ total: 10, terminal });
  progress[Symbol.dispose]();
  const { text } = terminal;
  progress.update(7);
  progress[Symbol.dispose]();
  assert.equal(terminal.text, text);
});
