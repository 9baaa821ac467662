import { crc32 } from "node:zlib";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { FIRST_THREAD_STREAM, openStream } from "../../lib/workload/random_stream.ts";
import type { Layer } from "./summing_network.ts";
import { torchFile } from "./torch_file.ts";
import { trainSum } from "./train_sum.ts";

/** One network each. */
const SEEDS = [1, 2, 3];

/** Base64 that is right, of bytes that are no weights. */
const BAD_TENSORS = "These bytes are no file of weights.\n";

/** The files of `examples/pipeline` that no editor writes, by their names there. The same bytes each time. */
export function weightFiles(): ReadonlyMap<string, string> {
  const networks = SEEDS.map((seed): [string, string] => {
    const bytes = torchFile(trainSum(seed).flatMap(tensorsOf));
    const checksum = crc32(bytes).toString(16).padStart(8, "0");
    return [`${networkId(seed)}_${checksum}.b64`, bytes.toBase64()];
  });
  return new Map([
    ...networks,
    ["bad_tensors.b64", new TextEncoder().encode(BAD_TENSORS).toBase64()],
  ]);
}

function tensorsOf({ name, inputs, outputs, weight, bias }: Layer) {
  return [
    { name: `${name}.weight`, shape: [outputs, inputs], data: weight },
    { name: `${name}.bias`, shape: [outputs], data: bias },
  ];
}

/** A UUID without its dashes: 32 hexadecimal digits, of a stream of random numbers of its own. */
function networkId(seed: number): string {
  const random = openStream(seed, FIRST_THREAD_STREAM);
  return Uint8Array.from({ length: 16 }, () => uniformInt(random, 0, 0xff)).toHex();
}
