import fc from "fast-check";
import { allocateElements, DATATYPES, type FixedArray } from "../../lib/tensor/datatype.ts";
import { elementCount, type Tensor } from "../../lib/tensor/tensor.ts";

/** Any tensor of a few elements, with any bits in them. */
export function anyTensor(
  shape: fc.Arbitrary<readonly number[]> = fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
): fc.Arbitrary<Tensor> {
  return fc.record({
    name: fc.string({ maxLength: 5 }),
    datatype: fc.constantFrom(...DATATYPES),
    shape,
    seed: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }).map(({ name, datatype, shape, seed }) => {
    const count = elementCount(shape);
    if (datatype === "BYTES") {
      const data = Array.from({ length: count }, (_, i) => seed.slice(0, (seed[0] + i) % 5));
      return { name, datatype, shape, data };
    }
    const data = allocateElements(datatype, count);
    const bytes = new Uint8Array(data.buffer);
    const mask = datatype === "BOOL" ? 1 : 0xff;
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = seed[index % seed.length] & mask;
    }
    return { name, datatype, shape, data };
  });
}

/** A tensor as something that `assert.deepEqual` tells apart bit by bit. */
export function bitsOf({ name, datatype, shape, data }: Tensor) {
  const bits = datatype === "BYTES"
    ? (data as readonly Uint8Array[]).map((element) => [...element])
    : [
      ...new Uint8Array(
        (data as FixedArray).buffer,
        (data as FixedArray).byteOffset,
        (data as FixedArray).byteLength,
      ),
    ];
  return { name, datatype, shape: [...shape], bits };
}
