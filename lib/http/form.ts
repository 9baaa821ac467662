import { FORM_HEAD_CHARS_MAX, FORM_PARTS_MAX } from "../limits.ts";
import { HttpError } from "./http_error.ts";

/** A field of a form. */
export interface FormField {
  /** Undefined for a field that is no file. */
  readonly filename: string | undefined;
  /** Its media type in lower case, without parameters; undefined where none was given. */
  readonly type: string | undefined;
  /** Each byte as the character that windows-1252 has for it: bytes of ASCII as what they are. */
  readonly text: string;
}

/** A part's head and its content, as they stand in the body. */
interface Part {
  readonly head: string;
  readonly text: string;
}

const FORM_TYPE = "multipart/form-data";
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';

/** One parameter of a header field; sticky, so that it is tried where the one before has ended. */
const PARAMETER = new RegExp(`[ \\t]*;[ \\t]*(${TOKEN})=(${TOKEN}|${QUOTED})[ \\t]*`, "y");

/** Source: RFC 2046 §5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;

const LINE = "\r\n";

/** windows-1252, which has a character for each byte. */
const oneByteEach = new TextDecoder("latin1");

/**
 * The fields of a `multipart/form-data` body by name; empty for a request without a body and a type.
 *
 * Heads are read as strictly as browsers and curl write them; a preamble, an epilogue and header fields that mean
 * nothing here are passed over.
 *
 * Cost: linear in the bytes but for those that repeat the boundary's beginning; a copy.
 *
 * Source: RFC 7578; RFC 2046 §5.1.1; RFC 2183 for the parameters.
 *
 * @throws {HttpError} 400 saying what is wrong
 */
export function readForm(
  contentType: string | null,
  body: Uint8Array,
): ReadonlyMap<string, FormField> {
  const fields = new Map<string, FormField>();
  if (contentType === null && body.length === 0) return fields;
  const parts = readParts(oneByteEach.decode(body), boundaryOf(contentType));
  for (const part of parts) {
    const { name, field } = readField(part);
    if (fields.has(name)) throw refusal(`it has two fields ${quote(name)}`);
    fields.set(name, field);
  }
  return fields;
}

function boundaryOf(contentType: string | null): string {
  const { value, parameters } = parseValue(contentType ?? "");
  if (value !== FORM_TYPE) {
    const found = contentType === null ? "absent" : quote(value);
    throw refusal(`its content-type is ${found}, needs ${FORM_TYPE}`);
  }
  const boundary = parameters?.get("boundary");
  if (boundary === undefined) throw refusal("its content-type has no boundary");
  if (!BOUNDARY.test(boundary)) {
    throw refusal(`its boundary is ${quote(boundary)}, which none can be`);
  }
  return boundary;
}

function* readParts(text: string, boundary: string): Generator<Part> {
  const opening = `--${boundary}`;
  const delimiter = `${LINE}${opening}`;
  // The first one stands at the beginning, or behind a preamble.
  let at = text.startsWith(opening) ? opening.length : behind(delimiter, text.indexOf(delimiter));
  for (let parts = 0; !text.startsWith("--", at); parts++) {
    if (parts >= FORM_PARTS_MAX) throw refusal(`it has more than ${FORM_PARTS_MAX} parts`);
    while (text[at] === " " || text[at] === "\t") at++;
    if (!text.startsWith(LINE, at)) throw refusal("a boundary is not followed by a line end");
    const headStart = at + LINE.length;
    // Of a part without a head, its one empty line.
    const headEnd = text.indexOf(LINE + LINE, at);
    if (headEnd < 0 || headEnd - at > FORM_HEAD_CHARS_MAX) {
      throw refusal(`the head of a part does not end within ${FORM_HEAD_CHARS_MAX} bytes`);
    }
    const start = headEnd + 2 * LINE.length;
    // Of a part without content, the line end that ends its head.
    const end = text.indexOf(delimiter, start - LINE.length);
    at = behind(delimiter, end);
    yield { head: text.slice(headStart, headEnd), text: text.slice(start, Math.max(start, end)) };
  }
}

function behind(delimiter: string, found: number): number {
  if (found < 0) throw refusal("it ends before its last boundary");
  return found + delimiter.length;
}

function readField({ head, text }: Part): { readonly name: string; readonly field: FormField } {
  const headers = readHead(head);
  const disposition = headers.get("content-disposition");
  if (disposition === undefined) throw refusal("a part has no content-disposition");
  const { value, parameters } = parseValue(disposition);
  const name = parameters?.get("name");
  if (value !== "form-data" || parameters === undefined || name === undefined) {
    throw refusal(`a content-disposition is ${quote(disposition)}, needs form-data with a name`);
  }
  const contentType = headers.get("content-type");
  const type = contentType === undefined ? undefined : parseValue(contentType).value;
  const filename = parameters.get("filename") ?? parameters.get("filename*");
  return { name, field: { filename, type, text } };
}

/** By their names in lower case. */
function readHead(head: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of head === "" ? [] : head.split(LINE)) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw refusal(`a part has the header line ${quote(line)}`);
    const name = line.slice(0, colon).toLowerCase();
    if (headers.has(name)) throw refusal(`a part has two header fields ${quote(name)}`);
    headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

/** What stands before the first semicolon, in lower case, and the parameters; undefined where they are none. */
function parseValue(text: string): {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string> | undefined;
} {
  const value = text.split(";", 1)[0];
  const parameters = new Map<string, string>();
  let at = value.length;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(text);
    const name = match?.[1].toLowerCase();
    if (match === null || name === undefined || parameters.has(name)) {
      return { value: value.trim().toLowerCase(), parameters: undefined };
    }
    parameters.set(name, unquoted(match[2]));
    at = PARAMETER.lastIndex;
  }
  return { value: value.trim().toLowerCase(), parameters };
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, "$1") : text;
}

/** Characters of what was found that an error message repeats. */
const FOUND_CHARS_MAX = 64;

function quote(found: string): string {
  return JSON.stringify(found.slice(0, FOUND_CHARS_MAX));
}

function refusal(why: string): HttpError {
  return new HttpError(400, `Cannot read the form: ${why}`);
}
