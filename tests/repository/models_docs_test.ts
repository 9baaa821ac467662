import assert from "node:assert/strict";
import { z } from "zod";
import page from "../../docs/models.md" with { type: "text" };
import { parseModelConfig } from "../../lib/repository/config_file.ts";
import { modelConfigObject } from "../../lib/repository/config_schema.ts";
import { VERSION_FILE_NAMES } from "../../lib/repository/version_file_names.ts";
import * as limits from "../../lib/limits.ts";

/** What the schema says of a key. */
interface Key {
  /** `warmup[].count`. */
  readonly path: string;
  /** As JSON; "needed" for one that has none, "—" for one that may be left out. */
  readonly default: string;
  /** `1 to 64`, for numbers and lists. */
  readonly bounds: string | undefined;
}

/** All keys of an object and of what is in it. */
function* keysOf(schema: z.ZodType, path: string, whenAbsent: string): Generator<Key> {
  if (schema instanceof z.ZodOptional) return yield* keysOf(unwrapped(schema), path, "—");
  if (schema instanceof z.ZodPrefault) return yield* keysOf(unwrapped(schema), path, "");
  if (schema instanceof z.ZodDefault) {
    return yield* keysOf(unwrapped(schema), path, `\`${JSON.stringify(schema.def.defaultValue)}\``);
  }
  if (path !== "") yield { path, default: whenAbsent, bounds: boundsOf(schema) };
  yield* innerKeys(schema, path);
}

function* innerKeys(schema: z.ZodType, path: string): Generator<Key> {
  if (schema instanceof z.ZodArray) yield* innerKeys(schema.element as z.ZodType, `${path}[]`);
  if (schema instanceof z.ZodUnion) {
    for (const option of schema.options) yield* innerKeys(option as z.ZodType, path);
  }
  if (!(schema instanceof z.ZodObject)) return;
  for (const [key, value] of Object.entries(schema.shape)) {
    yield* keysOf(value as z.ZodType, path === "" ? key : `${path}.${key}`, "needed");
  }
}

function unwrapped(schema: { unwrap(): unknown }): z.ZodType {
  return schema.unwrap() as z.ZodType;
}

function boundsOf(schema: z.ZodType): string | undefined {
  if (!(schema instanceof z.ZodNumber)) return undefined;
  return `${schema.minValue} to ${schema.maxValue}`;
}

/** The cells of each row of the page's tables whose first is code. */
const cells = page.split("\n").filter((line) => line.startsWith("| `")).map((line) =>
  line.split("|").slice(1, -1).map((cell) => cell.trim())
);
const rows = new Map(cells.map(([key, ...others]) => [key.replaceAll("`", ""), others]));

Deno.test("docs/models.md tells each key of a model.json with its default and bounds", async (t) => {
  const keys = [...keysOf(modelConfigObject, "", "")];
  assert.ok(keys.length > 30, `${keys.length}`);
  for (const key of keys) {
    await t.step(key.path, () => {
      const row = rows.get(key.path);
      assert.ok(row !== undefined, "has no row");
      assert.equal(row[0], key.default);
      if (key.bounds !== undefined) {
        assert.ok(row[1].includes(key.bounds), `${row[1]}: ${key.bounds}`);
      }
    });
  }
});

Deno.test("docs/models.md tells no key that is none", () => {
  const keys = new Set([...keysOf(modelConfigObject, "", "")].map(({ path }) => path));
  const table = page.slice(page.search(/^\| key /m), page.indexOf("model.json has at most"));
  const told = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, key]) => key);
  assert.ok(told.length > 30, `${told.length}`);
  assert.deepEqual(told.filter((key) => !keys.has(key)), []);
});

Deno.test("docs/models.md names the files of each platform", () => {
  for (const [platform, names] of Object.entries(VERSION_FILE_NAMES)) {
    const [files] = rows.get(platform) ?? [""];
    assert.deepEqual([...files.matchAll(/`([^`]+)`/g)].map(([, name]) => name), names);
  }
});

Deno.test("docs/models.md has examples that are configurations", () => {
  const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => json);
  assert.ok(examples.length >= 4);
  for (const example of examples) parseModelConfig(example, "docs/models.md");
  const [, shell] = /echo '(\{.*?\})'/.exec(page) ?? [];
  parseModelConfig(shell, "docs/models.md");
});

Deno.test("docs/models.md tells the limits as they are", () => {
  assert.equal(limits.MODEL_CONFIG_BYTES_MAX, 2 ** 20);
  assert.equal(limits.MODEL_SOURCE_BYTES_MAX, 64 * 2 ** 30);
  assert.equal(limits.MODEL_SOURCE_STALLED_MS, 60_000);
  assert.equal(limits.MODEL_SOURCE_TOTAL_MS, 7_200_000);
  assert.equal(limits.MODEL_SOURCE_RETRY_MS, 60_000);
  assert.equal(limits.MODEL_SOURCE_REDIRECTS_MAX, 5);
  assert.equal(limits.REPOSITORY_SETTLE_MS, 1_000);
  assert.equal(limits.REPOSITORY_RESCAN_MS, 30_000);
  assert.equal(limits.MODEL_NAME_CHARS_MAX, 128);
  assert.equal(limits.MODEL_VERSION_DIGITS_MAX, 15);
  assert.equal(limits.MODEL_VERSIONS_MAX, 64);
  assert.equal(limits.IMAGE_PIXELS_MAX, 16_777_216);
  assert.equal(limits.IMAGE_BYTES_MAX, 64 * 2 ** 20);
  assert.equal(limits.JPEG_SCANNED_PIXELS_MAX, 268_435_456);
  assert.equal(limits.SCRIPT_ONNX_SESSIONS_MAX, 64);
});
