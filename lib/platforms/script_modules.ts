import { type Import, init, parse } from "es-module-lexer";
import { OperationError } from "../errors.ts";
import { SCRIPT_FILE_BYTES_MAX, SCRIPT_LINKED_BYTES_MAX } from "../limits.ts";
import { encodeBase64, stripTypes } from "./script_source.ts";

const URL_START = "data:application/javascript;base64,";

/** A module's text ends in its tag, in fifteen bytes so that this is the end of its base64 too. */
const TAG_BYTES = 15;
const TAG_DIGITS = 6;

/** Modules of one thread; more than a tag can count are never linked. */
const MODULES_MAX = 10 ** TAG_DIGITS - 1;

/** Built-in modules that can import or run any text, past what is refused below. */
const REFUSED_BUILT_INS = [
  "child_process",
  "cluster",
  "inspector",
  "module",
  "repl",
  "v8",
  "vm",
  "worker_threads",
];

let modulesLinked = 0;

/**
 * The modules of one script, each as a `data:` URL in which its imports are such URLs.
 *
 * So a script runs alike under `deno run` and in a compiled binary, which loads no TypeScript, without a folder
 * to write to; and since it can import nothing but what was linked here, it reads no file that it has no
 * permission for: in a compiled binary Deno's own loader asks for none.
 */
export class ScriptModules {
  readonly #folder: string;
  readonly #urls = new Map<string, string>();
  /** Files by the end of their URLs, which is all that stack traces show of them. */
  readonly #places = new Map<string, string>();
  readonly #importers: string[] = [];
  #bytes = 0;

  /** @param folder absolute; nothing outside of it is imported */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The URL of a module, itself and all that it imports read and linked.
   *
   * @param path of its file in the folder: "model.ts"
   * @throws {OperationError} `not-found` or `invalid-argument` naming the file and what is wrong with it
   */
  async link(path: string): Promise<string> {
    const known = this.#urls.get(path);
    if (known !== undefined) return known;
    if (this.#importers.includes(path)) {
      const circle = [...this.#importers.slice(this.#importers.indexOf(path)), path].join(" → ");
      throw refusal(path, `modules of a script cannot import each other in a circle: ${circle}`);
    }
    const text = await this.#read(path);
    this.#importers.push(path);
    const url = path.endsWith(".json")
      ? `data:application/json;base64,${encodeBase64(new TextEncoder().encode(text))}`
      : await this.#linkModule(path, text);
    this.#importers.pop();
    this.#bytes += url.length;
    if (this.#bytes > SCRIPT_LINKED_BYTES_MAX) {
      throw refusal(
        path,
        `its modules take more than ${SCRIPT_LINKED_BYTES_MAX} bytes when linked`,
      );
    }
    this.#urls.set(path, url);
    return url;
  }

  /** A text of an error with files in place of URLs: `model.ts:3:9`. */
  withFiles(text: string): string {
    let named = text;
    for (const [end, path] of this.#places) {
      named = named.replaceAll(
        new RegExp(`${RegExp.escape(URL_START)}[A-Za-z0-9+/.=]*${RegExp.escape(end)}`, "g"),
        path,
      );
    }
    return named;
  }

  async #read(path: string): Promise<string> {
    const file = `${this.#folder}/${path}`;
    const importer = this.#importers.at(-1);
    try {
      const { size } = await Deno.stat(file);
      if (size <= SCRIPT_FILE_BYTES_MAX) return await Deno.readTextFile(file);
      throw refusal(path, `it has ${size} bytes, at most ${SCRIPT_FILE_BYTES_MAX} are read`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      const by = importer === undefined ? "" : `, which ${importer} imports`;
      throw new OperationError("not-found", `Cannot read ${path}${by}: there is no file ${file}`);
    }
  }

  async #linkModule(path: string, text: string): Promise<string> {
    const isScript = /\.m?js$/.test(path);
    if (!isScript && !/\.m?ts$/.test(path)) {
      throw refusal(path, "needs a file that ends in .ts, .mts, .js, .mjs or .json");
    }
    const code = isScript ? text : stripTypes(text, path);
    let linked = "";
    let at = 0;
    for (const found of await importsOf(code, path)) {
      const replaced = await this.#replacement(found, code, path);
      if (replaced === undefined) continue;
      linked += code.slice(at, replaced.start) + replaced.text;
      at = replaced.end;
    }
    return this.#tagged(linked + code.slice(at), path);
  }

  async #replacement(found: Import, code: string, path: string): Promise<Replacement | undefined> {
    if (found.type === "import-meta") return this.#metaReplacement(found.end, code, path);
    const { specifier } = found;
    if (specifier === undefined) {
      throw refusal(path, "it imports what it computes, needs the text of a relative path there");
    }
    if (specifier.startsWith("node:")) {
      const name = specifier.slice("node:".length).split("/")[0];
      if (!REFUSED_BUILT_INS.includes(name)) return undefined;
      throw refusal(path, `it imports "${specifier}", which scripts may not`);
    }
    if (!/^\.\.?\//.test(specifier)) {
      throw refusal(
        path,
        `it imports "${specifier}", needs a relative path or a node: module (bundle packages into it)`,
      );
    }
    const root = "file:///folder/";
    const target = new URL(specifier, `${root}${path}`).href;
    if (!target.startsWith(root)) {
      throw refusal(path, `it imports "${specifier}", which is outside of the version's folder`);
    }
    const url = await this.link(decodeURIComponent(target.slice(root.length)));
    // Of a dynamic import, the positions are those of the quotes.
    const quote = found.type === "dynamic" ? '"' : "";
    return { start: found.start, end: found.end, text: `${quote}${url}${quote}` };
  }

  #metaReplacement(end: number, code: string, path: string): Replacement | undefined {
    const property = /^\s*\.\s*(url|filename|dirname)\b/.exec(code.slice(end, end + 100));
    if (property === null) return undefined;
    const file = `${this.#folder}/${path}`;
    const value = {
      url: new URL(`file://${encodeURI(file)}`).href,
      filename: file,
      dirname: file.slice(0, file.lastIndexOf("/")),
    }[property[1] as "url" | "filename" | "dirname"];
    const start = end - "import.meta".length;
    return { start, end: end + property[0].length, text: JSON.stringify(value) };
  }

  #tagged(code: string, path: string): string {
    if (++modulesLinked > MODULES_MAX) {
      throw refusal(path, "this thread has linked too many modules");
    }
    const bytes = new TextEncoder().encode(code);
    const tag = new TextEncoder().encode(
      `//script-${String(modulesLinked).padStart(TAG_DIGITS, "0")}`,
    );
    // A line of its own, and a multiple of three bytes before it.
    const spaces = 2 - (bytes.length % 3);
    const whole = new Uint8Array(bytes.length + spaces + 1 + TAG_BYTES).fill(0x20);
    whole.set(bytes);
    whole[bytes.length + spaces] = 0x0a;
    whole.set(tag, bytes.length + spaces + 1);
    this.#places.set(encodeBase64(tag), path);
    return URL_START + encodeBase64(whole);
  }
}

interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

async function importsOf(code: string, path: string): Promise<readonly Import[]> {
  await init();
  try {
    return [...parse(code, path)[0]].sort((one, other) => one.start - other.start);
  } catch (cause) {
    const { idx = 0 } = cause as { idx?: number };
    const lines = code.slice(0, idx).split("\n");
    const position = `${path}:${lines.length}:${lines[lines.length - 1].length + 1}`;
    throw new OperationError("invalid-argument", `Cannot read ${position}: it is no ES module`, {
      cause,
    });
  }
}

function refusal(path: string, reason: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read ${path}: ${reason}`);
}
