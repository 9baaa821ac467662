import protobuf from "protobufjs";

/** Significant digits that any float32 and any float64 keep (C's FLT_DIG and DBL_DIG). */
const FLOAT_DIGITS = 6;
const DOUBLE_DIGITS = 15;

/** Significant digits that tell all float32 and all float64 apart (FLT_ and DBL_DECIMAL_DIG). */
const FLOAT_DIGITS_EXACT = 9;
const DOUBLE_DIGITS_EXACT = 17;

/** The most digits that `toExponential` gives, enough to see whether a number is a decimal tie. */
const DIGITS_MAX = 101;

/** `%g` writes an exponent below this one. Source: ISO C, 7.21.6.1. */
const POSITIONAL_EXPONENT_MIN = -4;

/** Spaces by which a message is indented inside another. */
const INDENT = "  ";

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "'": "\\'",
  "\\": "\\\\",
};

/**
 * The message as protobuf text format, as Python's `print(message)` writes it: one line per scalar,
 * `name {`, the fields and `}` for a message, fields by number, repeated ones line by line.
 *
 * A field without presence is left out at its default value (`-0` is none), one with presence
 * (`optional`, oneof, message) if it is null or undefined. Floats are `%.6g` where that reads back
 * as the same float32, else `%.9g`; doubles `%.15g`, else `%.17g`. Map fields, which none of our
 * contracts has, are refused.
 *
 * Source: spec modelserver, "Client"; protobuf's upb/text/encode.c.
 *
 * @param type parsed with `keepCase`, because the fields are printed by the name that it has
 * @param message its values by field name or by the camelCase of it; integers of 64 bits as bigint,
 *   Long, decimal string or safe number, enums by number or name, bytes as Uint8Array
 * @returns the lines, each with its line break; empty if there is nothing to print
 * @throws {TypeError} if a value does not fit its field
 *
 * @example
 * ```ts
 * import protobuf from "protobufjs";
 * import { formatText } from "./text_format.ts";
 * const source = `syntax = "proto3"; message Answer { float output = 1; bool cache_hit = 2; }`;
 * const type = protobuf.parse(source, { keepCase: true }).root.lookupType("Answer");
 * const text = formatText(type, { output: 14, cacheHit: true });
 * if (text !== "output: 14\ncache_hit: true\n") throw new Error(text);
 * ```
 */
export function formatText(type: protobuf.Type, message: object): string {
  // Only this tells the fields their types and presence. Later times it does nothing.
  type.root.resolveAll();
  return formatFields(type, message, "");
}

function formatFields(type: protobuf.Type, message: object, indent: string): string {
  return type.fieldsArray
    .toSorted((a, b) => a.id - b.id)
    .map((field) => formatField(field, message, indent))
    .join("");
}

function formatField(field: protobuf.Field, message: object, indent: string): string {
  if (field.map) throw wrongValue(field, "a map, which is not supported");
  const value = fieldValue(field, message);
  if (value === undefined || value === null) return "";
  if (field.repeated) {
    if (!Array.isArray(value)) throw wrongValue(field, "no array");
    return value.map((element) => formatValue(field, element, indent)).join("");
  }
  if (!field.hasPresence && isDefault(field, value)) return "";
  return formatValue(field, value, indent);
}

/** The message's own value, not the default that protobufjs has on the prototype. */
function fieldValue(field: protobuf.Field, message: object): unknown {
  const values = message as Readonly<Record<string, unknown>>;
  if (Object.hasOwn(values, field.name)) return values[field.name];
  const camelCase = field.name.replaceAll(/_+([a-z0-9])/g, (_, next) => next.toUpperCase());
  return Object.hasOwn(values, camelCase) ? values[camelCase] : undefined;
}

function isDefault(field: protobuf.Field, value: unknown): boolean {
  if (field.resolvedType instanceof protobuf.Enum) return enumNumber(field, value) === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value === "" || value === false) return true;
  if (field.type === "float") return Object.is(Math.fround(Number(value)), 0);
  if (field.type === "double") return Object.is(value, 0);
  return field.type !== "string" && String(value) === "0";
}

function formatValue(field: protobuf.Field, value: unknown, indent: string): string {
  const start = `${indent}${field.name}`;
  if (!(field.resolvedType instanceof protobuf.Type)) {
    return `${start}: ${formatScalar(field, value)}\n`;
  }
  if (typeof value !== "object" || value === null) throw wrongValue(field, "no message");
  return `${start} {\n${formatFields(field.resolvedType, value, indent + INDENT)}${indent}}\n`;
}

function formatScalar(field: protobuf.Field, value: unknown): string {
  if (field.resolvedType instanceof protobuf.Enum) {
    const number = enumNumber(field, value);
    return field.resolvedType.valuesById[number] ?? `${number}`;
  }
  switch (field.type) {
    case "float":
    case "double":
      if (typeof value !== "number") throw wrongValue(field, "no number");
      return field.type === "float" ? formatFloat(value) : formatDouble(value);
    case "bool":
      if (typeof value !== "boolean") throw wrongValue(field, "no boolean");
      return `${value}`;
    case "string":
      if (typeof value !== "string") throw wrongValue(field, "no string");
      return formatString(value);
    case "bytes":
      if (!(value instanceof Uint8Array)) throw wrongValue(field, "no Uint8Array");
      return formatBytes(value);
    default:
      return formatInteger(field, value);
  }
}

function enumNumber(field: protobuf.Field, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  const number = typeof value === "string" && (field.resolvedType as protobuf.Enum).values[value];
  if (typeof number !== "number") throw wrongValue(field, `no value of ${field.type}`);
  return number;
}

function formatInteger(field: protobuf.Field, value: unknown): string {
  const text = String(value);
  const isExact = typeof value !== "number" || Number.isSafeInteger(value);
  if (!isExact || !/^-?\d+$/.test(text)) throw wrongValue(field, "no exact integer");
  return text;
}

function formatFloat(value: number): string {
  const float = Math.fround(value);
  const short = formatGeneral(float, FLOAT_DIGITS);
  if (Object.is(Math.fround(Number(short)), float)) return short;
  return formatGeneral(float, FLOAT_DIGITS_EXACT);
}

function formatDouble(value: number): string {
  const short = formatGeneral(value, DOUBLE_DIGITS);
  return Object.is(Number(short), value) ? short : formatGeneral(value, DOUBLE_DIGITS_EXACT);
}

/** C's `%.{digits}g`. Source: ISO C, 7.21.6.1. */
function formatGeneral(value: number, digits: number): string {
  if (Number.isNaN(value)) return "nan";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (!Number.isFinite(value)) return `${sign}inf`;
  const [mantissa, exponentText] = roundHalfEven(Math.abs(value), digits).split("e");
  const exponent = Number(exponentText);
  if (exponent < POSITIONAL_EXPONENT_MIN || exponent >= digits) {
    const exponentDigits = `${Math.abs(exponent)}`.padStart(2, "0");
    return `${sign}${stripZeros(mantissa)}e${exponent < 0 ? "-" : "+"}${exponentDigits}`;
  }
  const significant = mantissa.replace(".", "");
  if (exponent < 0) return `${sign}${stripZeros(`0.${"0".repeat(-exponent - 1)}${significant}`)}`;
  const [whole, rest] = [significant.slice(0, exponent + 1), significant.slice(exponent + 1)];
  return `${sign}${stripZeros(`${whole}.${rest}`)}`;
}

/**
 * `value` with that many significant digits, as `d.ddde±x`. JavaScript rounds a decimal tie up and
 * C to the even digit (1.001953125 has nine digits as 1.00195312), so ties are looked for.
 */
function roundHalfEven(value: number, digits: number): string {
  const rounded = value.toExponential(digits - 1);
  const [mantissa, exponent] = value.toExponential(DIGITS_MAX - 1).split("e");
  const kept = mantissa.slice(0, digits + 1);
  const isTie = /^50*$/.test(mantissa.slice(digits + 1));
  const isEven = Number(kept.at(-1)) % 2 === 0;
  return isTie && isEven ? `${kept}e${exponent}` : rounded;
}

function stripZeros(decimal: string): string {
  return decimal.includes(".") ? decimal.replace(/\.?0*$/, "") : decimal;
}

function formatString(value: string): string {
  // deno-lint-ignore no-control-regex
  return `"${value.replaceAll(/[\x00-\x1f\x7f"'\\]/g, escapeCharacter)}"`;
}

function formatBytes(value: Uint8Array): string {
  const characters = Array.from(value, (byte) => String.fromCharCode(byte)).join("");
  // deno-lint-ignore no-control-regex
  return `"${characters.replaceAll(/[\x00-\x1f\x7f-\xff"'\\]/g, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  return ESCAPES[character] ?? `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
}

function wrongValue(field: protobuf.Field, found: string): TypeError {
  return new TypeError(`Cannot format ${field.fullName}: ${found}, needs ${expected(field)}`);
}

function expected(field: protobuf.Field): string {
  return field.repeated ? `an array of ${field.type}` : field.type;
}
