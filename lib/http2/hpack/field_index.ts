import type { HeaderField } from "./header_field.ts";

/** The fields of one name: the index of the last one added, and each value's. */
interface NamedFields {
  index: number;
  readonly values: Map<string, number>;
}

/**
 * Finds fields by name and by value, for an encoder.
 *
 * Fields are added in any order and deleted in the order they were added, as a dynamic table does.
 * What an index counts is the owner's affair. Two nested maps and no joined keys, as any octet may
 * stand in a name or value.
 *
 * Cost: O(1) each; the memory is proportional to the fields added and not deleted.
 */
export class FieldIndex {
  readonly #names = new Map<string, NamedFields>();

  /** The fields named `name`, or undefined; owned by the index and only to be read, until it changes. */
  find(name: string): Readonly<NamedFields> | undefined {
    return this.#names.get(name);
  }

  /** Adds a field; its name's index is now `index`. */
  add(field: HeaderField, index: number): void {
    const named = this.#names.get(field.name);
    if (named === undefined) {
      this.#names.set(field.name, { index, values: new Map([[field.value, index]]) });
      return;
    }
    named.index = index;
    named.values.set(field.value, index);
  }

  /** Deletes a field that was added with `index`; one added again with another index stays. */
  delete(field: HeaderField, index: number): void {
    const named = this.#names.get(field.name);
    if (named?.values.get(field.value) !== index) return;
    named.values.delete(field.value);
    if (named.values.size === 0) this.#names.delete(field.name);
  }
}
