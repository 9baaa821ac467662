/** A tuple; `depth` is 1 more than that of its deepest item, so that nobody falls into one. */
export interface PickleTuple {
  readonly kind: "tuple";
  readonly items: readonly PickleValue[];
  readonly depth: number;
}

/** A dict in the order in which its keys were set. It may hold itself: walk it with care. */
export interface PickleDict {
  readonly kind: "dict";
  readonly entries: Map<PickleKey, PickleValue>;
}

/** A function or class that the vocabulary has; it is a name, and never anything that could be called. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
}

/** What the vocabulary has made of a call or of a persistent id. */
export interface PickleObject {
  readonly kind: "object";
}

/** What keys are compared by equality: the only ones that a state_dict has. */
export type PickleKey = string | number;

/** What stands in a pickle that was read. */
export type PickleValue =
  | PickleKey
  | boolean
  | null
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | PickleObject;

/** What a value is, for error messages. */
export function kindOf(value: PickleValue): string {
  if (value === null) return "None";
  if (typeof value === "object") {
    if (value.kind === "global") return `the name ${value.name}`;
    return value.kind === "object" ? "an object" : `a ${value.kind}`;
  }
  return typeof value === "string" ? "a string" : `${value}`;
}
