/**
 * A key that stands twice in one object of a text, which `JSON.parse` would not tell: the last one would
 * win, where other readers take the first.
 *
 * Cost: linear in the text.
 *
 * @param json valid JSON
 * @returns undefined when all keys are unique
 */
export function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{") {
      open.push(new Set());
    } else if (character === "}") {
      open.pop();
    } else if (character === '"') {
      const end = stringEnd(json, at);
      if (isKey(json, end)) {
        // Keys may be written with escapes, and be the same nevertheless.
        const key: string = JSON.parse(json.slice(at, end));
        const keys = open[open.length - 1];
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** The index behind the quote that ends the string that begins at `at`. */
function stringEnd(json: string, at: number): number {
  for (let index = at + 1; index < json.length; index++) {
    if (json[index] === '"') return index + 1;
    if (json[index] === "\\") index++;
  }
  return json.length;
}

function isKey(json: string, at: number): boolean {
  while (json[at] === " " || json[at] === "\n" || json[at] === "\r" || json[at] === "\t") at++;
  return json[at] === ":";
}
