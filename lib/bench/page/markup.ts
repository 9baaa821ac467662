/** HTML that holds no text which was not escaped. Made by `markup` and `trusted` alone. */
export class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: text is escaped, markup is not, and lists are put one behind the other. */
export type Part = string | number | Markup | readonly Part[];

/**
 * A template of HTML whose values are escaped. They may stand in content and in quoted attributes, not in
 * scripts, styles or addresses.
 *
 * @example
 * ```ts
 * import { markup } from "./markup.ts";
 * const text = `${markup`<p>${"</script>"}</p>`}`;
 * if (text !== "<p>&lt;/script&gt;</p>") throw new Error(text);
 * ```
 */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.map((text, index) => text + render(parts[index] ?? "")).join(""));
}

/** Text as it is: our own, or escaped in another way. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

/**
 * A value as JSON that may stand in a script element: nothing in it ends the element or starts a comment.
 *
 * Source: HTML, "Restrictions for contents of script elements".
 */
export function jsonForScript(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll("<", "\\u003c"));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function render(part: Part): string {
  if (part instanceof Markup) return part.toString();
  if (typeof part === "object") return part.map(render).join("");
  return `${part}`.replace(/[&<>"']/g, (char) => ENTITIES[char]);
}
