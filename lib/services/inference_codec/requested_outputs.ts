import { OperationError, quoted } from "../../errors.ts";
import type { NameCache } from "../../protobuf/name_cache.ts";
import { type WireReader, WireType } from "../../protobuf/wire.ts";
import { readEntryKey } from "./parameters.ts";

const NAME_TAG = (1 << 3) | WireType.LENGTH;
const PARAMETER_TAG = (2 << 3) | WireType.LENGTH;

/** Parameters of Triton's that say how an output is to be given, none of which is offered here. */
const REFUSED: ReadonlySet<string> = new Set(["classification", "shared_memory_region"]);

/** Reads the InferRequestedOutputTensors of a message, one at a time. */
export class RequestedOutputs {
  readonly #outputsMax: number;
  #names: string[] = [];
  #count = 0;
  #refused: OperationError | undefined;

  constructor(outputsMax: number) {
    this.#outputsMax = outputsMax;
  }

  reset(): void {
    if (this.#count === 0) return;
    this.#names = [];
    this.#count = 0;
    this.#refused = undefined;
  }

  /** Reads the output that is the reader's next field. */
  read(reader: WireReader, names: NameCache): void {
    let name = "";
    let parameter: string | undefined;
    const outerEnd = reader.enter();
    while (reader.more) {
      const tag = reader.readTag();
      if (tag === NAME_TAG) {
        name = names.read(reader);
      } else if (tag === PARAMETER_TAG) {
        const key = readEntryKey(reader, names);
        if (REFUSED.has(key)) parameter = key;
      } else {
        reader.skipField(tag);
      }
    }
    reader.leave(outerEnd);
    if (this.#count++ < this.#outputsMax) this.#names.push(name);
    if (parameter === undefined) return;
    this.#refused ??= refused(`Cannot give output ${quoted(name)}: ${parameter} is not supported`);
  }

  /**
   * The names in the order of the message; `undefined` for all outputs, when none is named.
   *
   * @throws {OperationError} `invalid-argument` for a name that is there twice, too many of them, or a
   *   parameter that is not supported
   */
  names(): readonly string[] | undefined {
    if (this.#refused !== undefined) throw this.#refused;
    const names = this.#names;
    const count = this.#count;
    if (count > this.#outputsMax) {
      throw refused(`Cannot give outputs: ${count} are asked for, at most ${this.#outputsMax}`);
    }
    if (count > 1 && new Set(names).size < count) {
      const twice = names.find((name, index) => names.indexOf(name) < index);
      throw refused(`Cannot give output ${quoted(twice ?? "")}: it is asked for twice`);
    }
    return count === 0 ? undefined : names;
  }
}

function refused(message: string): OperationError {
  return new OperationError("invalid-argument", message);
}
