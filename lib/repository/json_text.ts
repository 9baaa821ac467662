/** White space, then one token of JSON, or nothing of one. Source: RFC 8259 §2 to §7. */
const TOKEN =
  // deno-lint-ignore no-control-regex -- control characters are what a string may not hold
  /[ \t\n\r]*(?:([{}[\]:,])|("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null))/y;

/** Characters of a wrong text that a message repeats. */
const FOUND_CHARS_MAX = 20;

/** What may come next. */
type Expected = keyof typeof NEEDED;

const NEEDED = {
  value: "a value",
  valueOrEnd: 'a value or "]"',
  key: "a key in double quotes",
  keyOrEnd: 'a key in double quotes or "}"',
  colon: '":"',
  next: '"," or the end of what is open',
  nothing: "nothing more",
} as const;

/** The value in a JSON text, or where it is wrong and what is needed there. */
export function parseJsonText(text: string): { value: unknown } | { problem: string } {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // V8's own messages name a place for some errors only.
    return { problem: jsonProblem(text) ?? "it is not JSON" };
  }
}

/**
 * The first place at which a text is not JSON: `line 3, column 5: found "}", needs a value`.
 *
 * Lines and columns count from 1, columns in UTF-16 units.
 *
 * @returns undefined for a text that is JSON
 */
export function jsonProblem(text: string): string | undefined {
  const open: string[] = [];
  let expected: Expected = "value";
  TOKEN.lastIndex = 0;
  while (true) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) return endOrProblem(text, start, expected);
    const [whole, mark, string] = match;
    const next = after(expected, mark, string, open);
    if (next === undefined) {
      return problemAt(text, start + whole.length - whole.trimStart().length, expected);
    }
    expected = next;
  }
}

/** What may follow a token; undefined if it may not stand here. `open` is brought up to date. */
function after(
  expected: Expected,
  mark: string | undefined,
  string: string | undefined,
  open: string[],
): Expected | undefined {
  const behindValue = () => open.length === 0 ? "nothing" : "next";
  const mayClose = mark !== undefined && mark === open.at(-1) &&
    (expected === "next" || expected === (mark === "}" ? "keyOrEnd" : "valueOrEnd"));
  if (mayClose) {
    open.pop();
    return behindValue();
  }
  switch (expected) {
    case "value":
    case "valueOrEnd":
      if (mark === undefined) return behindValue();
      if (mark !== "{" && mark !== "[") return undefined;
      open.push(mark === "{" ? "}" : "]");
      return mark === "{" ? "keyOrEnd" : "valueOrEnd";
    case "key":
    case "keyOrEnd":
      return string === undefined ? undefined : "colon";
    case "colon":
      return mark === ":" ? "value" : undefined;
    case "next":
      if (mark !== ",") return undefined;
      return open.at(-1) === "}" ? "key" : "value";
    case "nothing":
      return undefined;
  }
}

function endOrProblem(text: string, start: number, expected: Expected): string | undefined {
  const rest = text.slice(start).search(/[^ \t\n\r]/);
  if (rest < 0 && expected === "nothing") return undefined;
  return problemAt(text, rest < 0 ? text.length : start + rest, expected);
}

function problemAt(text: string, offset: number, expected: Expected): string {
  const before = text.slice(0, offset).split("\n");
  const place = `line ${before.length}, column ${before[before.length - 1].length + 1}`;
  return `${place}: found ${foundAt(text, offset)}, needs ${NEEDED[expected]}`;
}

function foundAt(text: string, offset: number): string {
  if (offset >= text.length) return "the end of the file";
  const [word] = /^(?:[\w.+-]+|"[^"\n]*"?|.)/su.exec(text.slice(offset, offset + 200)) ?? [""];
  return word.length <= FOUND_CHARS_MAX
    ? JSON.stringify(word)
    : `${JSON.stringify(word.slice(0, FOUND_CHARS_MAX))}…`;
}
