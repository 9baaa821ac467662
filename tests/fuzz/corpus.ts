import type { Finding } from "./campaign.ts";

/**
 * Inputs that ever found something, in a folder for each target: a fault of the product, or one that
 * was put in to see whether it is found.
 */
const CORPUS = new URL("./corpus/", import.meta.url);

const LINE_CHARS = 96;

/** An input of the corpus, and what it found. */
export interface CorpusEntry {
  readonly target: string;
  readonly name: string;
  readonly found: string;
  readonly input: Uint8Array;
}

/**
 * Adds a finding's input: a line that says what it found, then its bytes in hex.
 *
 * @returns the file's path from the corpus folder
 */
export function keep({ target, input, message }: Finding): string {
  const lines = input.toHex().match(new RegExp(`.{1,${LINE_CHARS}}`, "g")) ?? [];
  const path = `${target}/${nameOf(input)}.hex`;
  Deno.mkdirSync(new URL(`${target}/`, CORPUS), { recursive: true });
  Deno.writeTextFileSync(new URL(path, CORPUS), [`# ${message}`, ...lines, ""].join("\n"));
  return path;
}

/** All inputs of the corpus. */
export function readCorpus(): CorpusEntry[] {
  const entries: CorpusEntry[] = [];
  for (const folder of Deno.readDirSync(CORPUS)) {
    if (!folder.isDirectory) continue;
    for (const { name } of Deno.readDirSync(new URL(`${folder.name}/`, CORPUS))) {
      const text = Deno.readTextFileSync(new URL(`${folder.name}/${name}`, CORPUS));
      entries.push({ target: folder.name, name, ...parse(text) });
    }
  }
  return entries.sort((a, b) => a.target < b.target || a.name < b.name ? -1 : 1);
}

function parse(text: string): { readonly found: string; readonly input: Uint8Array } {
  const [first, ...lines] = text.split("\n");
  return { found: first.replace(/^# /, ""), input: Uint8Array.fromHex(lines.join("")) };
}

/** The same input has the same name. Source: FNV-1a, 32 bits. */
function nameOf(input: Uint8Array): string {
  let hash = 0x811c_9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
