import assert from "node:assert/strict";
import protobuf from "protobufjs";
import { formatText } from "../../../lib/protobuf/text_format.ts";
import { mutant } from "../mutation.ts";
import { Script } from "../script.ts";
import type { FuzzTarget } from "../target.ts";

const type = protobuf.parse(
  `syntax = "proto3";
  message Sample {
    float f = 1; double d = 2; string s = 3; bytes b = 4; int64 i = 5; bool t = 6;
    repeated float r = 7; Sample m = 8; optional float o = 9;
  }`,
  { keepCase: true },
).root.lookupType("Sample");

const DEPTH_MAX = 20;
const UNESCAPED: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  t: 9,
  '"': 34,
  "'": 39,
  "\\": 92,
};
const encoder = new TextEncoder();

/** A message made of the input's numbers and texts, as text: reading it gives the values again. */
export const textFormat: FuzzTarget = {
  name: "text-format",
  share: 2,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const expected: string[] = [];
    const message = sample(new Script(input), expected, 0);
    const lines = formatText(type, message).split("\n").slice(0, -1);
    assert.deepEqual(lines.map((line) => valueOf(line.trimStart())), expected);
  },
};

/** A message, and what its lines have to say in the order of the fields. */
function sample(script: Script, expected: string[], depth: number): object {
  const choice = script.byte();
  const message: Record<string, unknown> = {};
  const number = (name: string, value: number, keepsZero: boolean) => {
    message[name] = value;
    if (keepsZero || !Object.is(value, 0)) expected.push(`${name} ${show(value)}`);
  };
  if (choice & 1) number("f", float(script), false);
  if (choice & 2) number("d", double(script), false);
  if (choice & 4) text(script, message, expected);
  if (choice & 8) bytes(script, message, expected);
  if (choice & 16) {
    message.i = BigInt.asIntN(64, BigInt(script.uint32()) << BigInt(script.byte() % 40));
    if (message.i !== 0n) expected.push(`i ${message.i}`);
  }
  if (choice & 32) {
    message.r = Array.from({ length: script.byte() & 7 }, () => float(script));
    for (const value of message.r as number[]) expected.push(`r ${show(value)}`);
  }
  if (choice & 64 && depth < DEPTH_MAX) {
    expected.push("m {");
    message.m = sample(script, expected, depth + 1);
    expected.push("}");
  }
  if (choice & 128) number("o", float(script), true);
  return message;
}

function text(script: Script, message: Record<string, unknown>, expected: string[]): void {
  const value = script.byte() < 128
    ? script.octets(script.byte() & 31)
    : String.fromCharCode(...Array.from({ length: script.byte() & 15 }, () => script.uint16()));
  message.s = value;
  if (value !== "") expected.push(`s ${show(encoder.encode(value))}`);
}

function bytes(script: Script, message: Record<string, unknown>, expected: string[]): void {
  const value = script.take(script.byte() & 31);
  message.b = value;
  if (value.length > 0) expected.push(`b ${show(value)}`);
}

function float(script: Script): number {
  return new Float32Array(Uint32Array.of(script.uint32()).buffer)[0];
}

function double(script: Script): number {
  return new Float64Array(Uint32Array.of(script.uint32(), script.uint32()).buffer)[0];
}

function show(value: number | Uint8Array): string {
  return value instanceof Uint8Array ? value.join(",") : Object.is(value, -0) ? "-0" : `${value}`;
}

/** What a line says: `name value`. */
function valueOf(line: string): string {
  const found = /^(\w): (.*)$/s.exec(line);
  if (found === null) return line;
  const [, name, value] = found;
  if (name === "s" || name === "b") return `${name} ${show(unescape(value.slice(1, -1)))}`;
  if (name === "i") return `i ${value}`;
  const number = Number(value.replace("inf", "Infinity").replace("nan", "NaN"));
  return `${name} ${show(name === "d" ? number : Math.fround(number))}`;
}

function unescape(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [part] of text.matchAll(/\\([0-7]{3}|.)|[^\\]+/gs)) {
    if (part[0] !== "\\") bytes.push(...encoder.encode(part));
    else bytes.push(UNESCAPED[part[1]] ?? parseInt(part.slice(1), 8));
  }
  return Uint8Array.from(bytes);
}

const SEEDS = [
  Uint8Array.from([0xff, 0x3f, 0x80, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 5, 65, 66, 34, 10, 92]),
  Uint8Array.from([0x41, 0x7f, 0x7f, 0xff, 0xff, 0x43, 0, 0, 0, 1, 0x80, 0, 0, 0x3f, 0xf0, 0, 0]),
  Uint8Array.from([0x0c, 200, 6, 0xd8, 0, 0x20, 0xac, 0, 39, 9, 0, 1, 0x80, 0xff, 65, 13, 10, 34]),
  Uint8Array.from([0xb0, 0x80, 0, 0, 0, 39, 5, 0x3f, 0x9d, 0xf3, 0xb6, 0xff, 0x80, 0, 0, 1, 2, 3]),
];
