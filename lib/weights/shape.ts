import { TENSOR_RANK_MAX } from "../limits.ts";
import { elementCount } from "../tensor/tensor.ts";

/** Whether values from a file are a shape: dimensions from 0 on, not too many, of countable elements. */
export function isShape(values: readonly unknown[]): values is readonly number[] {
  return values.length <= TENSOR_RANK_MAX && values.every(isDimension) &&
    // Without the zeros, so that no product before one is past counting either.
    Number.isSafeInteger(elementCount(values.filter((value) => value > 0)));
}

function isDimension(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
