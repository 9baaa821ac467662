import { compressionError } from "./compression_error.ts";
import { EOS_SYMBOL, HUFFMAN_CODES, HUFFMAN_LENGTHS } from "./huffman_table.ts";

/** The shortest code's bits: n octets decode to at most 8n / 5 octets. */
const CODE_BITS_MIN = 5;

/** A full binary tree of 257 leaves has 256 inner nodes: a state fits an octet. */
const STATES = 256;

/** Bits of a transition above its symbol (0–7) and next state (8–15). */
const EMITS = 1 << 16;
const FAILS = 1 << 17;

/** The states from 0 to this are the tree's root and the nodes of 1 to 7 one-bits, where a string may end. */
const LAST_ENDING_STATE = 7;

const TRANSITIONS = buildTransitions();

/** The most octets that `inputBytes` Huffman-coded octets decode to. */
export function huffmanDecodedLengthMax(inputBytes: number): number {
  return Math.floor((inputBytes * 8) / CODE_BITS_MIN);
}

/**
 * Decodes the Huffman-coded octets from `start` to before `end`.
 *
 * Cost: two look-ups an octet in a table of 16 KiB; no allocation. Source: RFC 7541 §5.2.
 *
 * @param output has room for `huffmanDecodedLengthMax(end - start)` octets
 * @returns how many octets were written to the start of `output`
 * @throws Http2Error COMPRESSION_ERROR if the padding is longer than 7 bits or has a zero, or EOS is found
 */
export function huffmanDecode(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
): number {
  let state = 0;
  let length = 0;
  for (let offset = start; offset < end; offset++) {
    const octet = input[offset];
    // Storing a transition in an octet leaves just its symbol.
    const high = TRANSITIONS[(state << 4) | (octet >> 4)];
    if ((high & EMITS) !== 0) output[length++] = high;
    const low = TRANSITIONS[((high >> 4) & 0xff0) | (octet & 0xf)];
    if ((low & EMITS) !== 0) output[length++] = low;
    if (((high | low) & FAILS) !== 0) throw compressionError("a Huffman-coded string has EOS");
    state = (low >> 8) & 0xff;
  }
  if (state > LAST_ENDING_STATE) {
    throw compressionError("a Huffman-coded string ends in other than 0 to 7 one-bits of padding");
  }
  return length;
}

/**
 * The octets that `huffmanEncode()` writes for `text`. Source: RFC 7541 §5.2.
 *
 * @param text a binary string
 */
export function huffmanEncodedLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += HUFFMAN_LENGTHS[text.charCodeAt(i)];
  return (bits + 7) >>> 3;
}

/**
 * Writes the Huffman code of `text`, padded with one-bits. Source: RFC 7541 §5.2.
 *
 * @param text a binary string
 * @param output has room for `huffmanEncodedLength(text)` octets after `offset`
 * @returns the offset after the last octet written
 */
export function huffmanEncode(text: string, output: Uint8Array, offset: number): number {
  let end = offset;
  let pending = 0; // only the low `pendingBits` bits, fewer than 8 between codes, are still to be written
  let pendingBits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    const code = HUFFMAN_CODES[symbol];
    let codeBits = HUFFMAN_LENGTHS[symbol];
    if (codeBits > 16) { // 7 pending bits and a code of up to 30 would not fit 32
      codeBits -= 16;
      pending = (pending << codeBits) | (code >>> 16);
      pendingBits += codeBits;
      for (; pendingBits >= 8; pendingBits -= 8) output[end++] = pending >>> (pendingBits - 8);
      codeBits = 16;
    }
    pending = (pending << codeBits) | (code & 0xffff);
    pendingBits += codeBits;
    for (; pendingBits >= 8; pendingBits -= 8) output[end++] = pending >>> (pendingBits - 8);
  }
  if (pendingBits > 0) output[end++] = (pending << (8 - pendingBits)) | (0xff >>> pendingBits);
  return end;
}

/**
 * The tree of the code: `children[2 * state + bit]` is an inner node's state, or STATES + symbol at a
 * leaf. EOS is all ones and goes in first, so that the states of all-ones prefixes are their lengths.
 */
function buildTree(): Uint16Array {
  const children = new Uint16Array(2 * STATES);
  let states = 1;
  for (let symbol = EOS_SYMBOL; symbol >= 0; symbol--) {
    let state = 0;
    for (let bit = HUFFMAN_LENGTHS[symbol] - 1; bit > 0; bit--) {
      const branch = 2 * state + ((HUFFMAN_CODES[symbol] >>> bit) & 1);
      if (children[branch] === 0) children[branch] = states++;
      state = children[branch];
    }
    children[2 * state + (HUFFMAN_CODES[symbol] & 1)] = STATES + symbol;
  }
  return children;
}

/** What four bits do in each state; codes are longer than four bits, so one symbol ends at most. */
function buildTransitions(): Uint32Array {
  const children = buildTree();
  const transitions = new Uint32Array(STATES * 16);
  for (let index = 0; index < transitions.length; index++) {
    let state = index >> 4;
    let outcome = 0;
    for (let bit = 3; bit >= 0; bit--) {
      state = children[2 * state + ((index >> bit) & 1)];
      if (state < STATES) continue;
      const symbol = state - STATES;
      outcome |= symbol === EOS_SYMBOL ? FAILS : EMITS | symbol;
      state = 0;
    }
    transitions[index] = outcome | (state << 8);
  }
  return transitions;
}
