import assert from "node:assert/strict";
import { CompressedMessage } from "../../../lib/grpc/compressed_message.ts";
import { ByteBudget, MessageAssembler } from "../../../lib/grpc/message_assembler.ts";
import {
  isWholeMessage,
  readCompressedFlag,
  readLength,
} from "../../../lib/grpc/message_prefix.ts";
import { Code, GrpcError } from "../../../lib/grpc/status.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../../../lib/limits.ts";
import { join } from "../../http2/wire.ts";
import { mutant } from "../mutation.ts";
import { cuts, Script } from "../script.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

const MESSAGE_BYTES_MAX = 1_000;
const BUDGETS = [1 << 20, 4_000, 1_500, 100] as const;

/**
 * Length-prefixed messages, cut as the first byte says, within the budget that the second chooses:
 * the messages are those that stand there, and at the end nothing of the budget is missing.
 */
export const messageAssembler: FuzzTarget = {
  name: "message-assembler",
  share: 24,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const script = new Script(input);
    const cut = cuts(script.byte());
    const choice = script.byte();
    const bytes = script.rest();
    checkPrefix(bytes);
    const budgetBytes = BUDGETS[choice & 3];
    const keeps = (choice & 4) !== 0;
    const outcome = assemble(bytes, cut, budgetBytes, keeps);
    assert.equal(outcome, expected(bytes, budgetBytes, keeps));
  },
};

function assemble(
  bytes: Uint8Array,
  cut: () => number,
  budgetBytes: number,
  keeps: boolean,
): string {
  const budget = new ByteBudget(budgetBytes);
  const assembler = new MessageAssembler(MESSAGE_BYTES_MAX, budget);
  let text = "";
  const outcome = valueOrError(() => {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + cut());
      assembler.push(bytes, at, end, (message) => {
        text += message instanceof CompressedMessage
          ? `compressed ${line(message.bytes)}`
          : line(message);
        if (!keeps) assembler.release(message.length);
      });
      at = end;
    }
  }, isOurs);
  if ("error" in outcome) text += `error ${outcome.error.code}`;
  else text += assembler.partial ? "partial" : "whole";
  assembler.close();
  budget.take(budgetBytes); // Throws when something of it is still held.
  return text;
}

/** The same, from the whole of the bytes at once. */
function expected(bytes: Uint8Array, budgetBytes: number, keeps: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = "";
  let held = 0;
  let at = 0;
  while (bytes.length - at >= 5) {
    const flag = view.getUint8(at);
    if (flag > 1) return `${text}error ${Code.INTERNAL}`;
    const length = view.getUint32(at + 1);
    if (length > MESSAGE_BYTES_MAX) return `${text}error ${Code.RESOURCE_EXHAUSTED}`;
    const message = bytes.subarray(at + 5, at + 5 + length);
    held += MESSAGE_OVERHEAD_BYTES + message.length;
    if (held > budgetBytes) return `${text}error ${Code.RESOURCE_EXHAUSTED}`;
    if (message.length < length) return `${text}partial`;
    text += flag === 1 ? `compressed ${line(message)}` : line(message);
    if (!keeps) held = 0;
    at += 5 + length;
  }
  return text + (at < bytes.length ? "partial" : "whole");
}

/** The short way, for a message that comes whole, agrees with the long one. */
function checkPrefix(bytes: Uint8Array): void {
  if (bytes.length < 5) return assert.ok(!isWholeMessage(bytes, 0, bytes.length));
  const compressed = valueOrError(() => readCompressedFlag(bytes, 0), isOurs);
  const length = valueOrError(() => readLength(bytes, 0, MESSAGE_BYTES_MAX), isOurs);
  if (!("value" in compressed) || !("value" in length)) return;
  const whole = !compressed.value && length.value === bytes.length - 5;
  assert.equal(isWholeMessage(bytes, 0, bytes.length), whole);
}

function isOurs(error: unknown): error is GrpcError {
  return error instanceof GrpcError &&
    (error.code === Code.INTERNAL || error.code === Code.RESOURCE_EXHAUSTED);
}

function line(message: Uint8Array): string {
  let sum = 0;
  for (let i = 0; i < message.length; i++) sum = (Math.imul(sum, 31) + message[i]) | 0;
  return `${message.length} ${sum}\n`;
}

const message = (length: number) => join([0, 0, 0, length >> 8, length & 0xff], body(length));
const body = (length: number) => Uint8Array.from({ length }, (_, i) => i);

const SEEDS = [
  ...[0, 1, 2, 11, 12].map((cut) => join([cut, cut], message(3), message(0), message(40))),
  join([4, 1], message(700), message(1), message(900)),
  join([5, 4], ...Array.from({ length: 12 }, (_, i) => message(i))),
];
