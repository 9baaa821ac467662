import assert from "node:assert/strict";
import { FieldIndex } from "../../../lib/http2/hpack/field_index.ts";
import { HeaderField } from "../../../lib/http2/hpack/header_field.ts";

const FIRST = new HeaderField("a", "1");
const SECOND = new HeaderField("a", "2");

Deno.test("FieldIndex.find() gives a name's last index and each value's", () => {
  const index = new FieldIndex();
  index.add(FIRST, 10);
  index.add(SECOND, 11);
  const named = index.find("a");
  assert.equal(named?.index, 11);
  assert.equal(named.values.get("1"), 10);
  assert.equal(named.values.get("2"), 11);
  assert.equal(named.values.get("3"), undefined);
  assert.equal(index.find("b"), undefined);
});

Deno.test("FieldIndex.delete() forgets a value, and the name with its last value", () => {
  const index = new FieldIndex();
  index.add(FIRST, 10);
  index.add(SECOND, 11);
  index.delete(FIRST, 10);
  assert.equal(index.find("a")?.values.get("1"), undefined);
  assert.equal(index.find("a")?.index, 11);
  index.delete(SECOND, 11);
  assert.equal(index.find("a"), undefined);
});

Deno.test("FieldIndex.delete() keeps a field that was added again", () => {
  const index = new FieldIndex();
  index.add(FIRST, 10);
  index.add(FIRST, 12);
  index.delete(FIRST, 10);
  assert.equal(index.find("a")?.values.get("1"), 12);
});
