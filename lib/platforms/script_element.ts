import type { Datatype, FixedDatatype } from "../tensor/datatype.ts";
import { encodeBf16, encodeFp16 } from "../tensor/half.ts";

/** The least and the greatest of each integer datatype. */
const RANGES = {
  UINT8: [0, 2 ** 8 - 1],
  UINT16: [0, 2 ** 16 - 1],
  UINT32: [0, 2 ** 32 - 1],
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
} as const;

const LONG_RANGES = {
  UINT64: [0n, 2n ** 64n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
} as const;

/**
 * What stands in a tensor's memory for a value that a script gave.
 *
 * @returns undefined for a value that is none of the datatype
 */
export function encodeElement(
  datatype: FixedDatatype,
  value: unknown,
): number | bigint | undefined {
  switch (datatype) {
    case "FP32":
    case "FP64":
      return typeof value === "number" ? value : undefined;
    case "FP16":
      return typeof value === "number" ? encodeFp16(value) : undefined;
    case "BF16":
      return typeof value === "number" ? encodeBf16(value) : undefined;
    case "BOOL":
      if (typeof value === "boolean") return Number(value);
      return value === 0 || value === 1 ? value : undefined;
    case "INT64":
    case "UINT64":
      return encodeLong(LONG_RANGES[datatype], value);
    default: {
      const [least, greatest] = RANGES[datatype];
      const fits = Number.isInteger(value) && (value as number) >= least &&
        (value as number) <= greatest;
      return fits ? value as number : undefined;
    }
  }
}

/** What a script may give for an element, for error messages. */
export function neededElement(datatype: Datatype): string {
  switch (datatype) {
    case "BYTES":
      return "a string or a Uint8Array";
    case "BOOL":
      return "a boolean, 0 or 1";
    case "INT64":
    case "UINT64":
      return `a bigint or a safe integer, from ${LONG_RANGES[datatype].join(" to ")}`;
    case "FP16":
    case "BF16":
    case "FP32":
    case "FP64":
      return "a number";
    default:
      return `an integer from ${RANGES[datatype].join(" to ")}`;
  }
}

function encodeLong(
  [least, greatest]: readonly [bigint, bigint],
  value: unknown,
): bigint | undefined {
  const long = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof long !== "bigint") return undefined;
  return long >= least && long <= greatest ? long : undefined;
}
