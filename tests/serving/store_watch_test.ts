import assert from "node:assert/strict";
import { StoreWatch } from "../../lib/serving/store_watch.ts";

function newWatch() {
  const lines: string[] = [];
  const line = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    lines.push(`${level}: ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
  };
  return { lines, watch: new StoreWatch({ info: line("info"), warn: line("warn") }) };
}

Deno.test("StoreWatch tells once that the store fails, and once that it works, whoever sees it", () => {
  const { lines, watch } = newWatch();
  watch.onStoreWorks();
  for (const reason of ["the disk is full", "the disk is full", "another"]) {
    watch.onStoreFails(reason);
  }
  watch.onStoreWorks();
  watch.onStoreWorks();
  watch.onStoreFails("again");
  assert.deepEqual(lines, [
    'warn: the store fails {"reason":"the disk is full"}',
    "info: the store works again",
    'warn: the store fails {"reason":"again"}',
  ]);
});

Deno.test("StoreWatch tells nothing of what fails since the store is down", () => {
  const { lines, watch } = newWatch();
  watch.onOpened("sqlite:a");
  watch.onDown("sqlite:a", "its thread died");
  watch.onStoreFails("the store is down");
  watch.onOpened("sqlite:a");
  watch.onStoreWorks();
  assert.deepEqual(lines, [
    'info: the store is open {"store":"sqlite:a"}',
    'warn: the store is down, and tried again {"store":"sqlite:a","reason":"its thread died"}',
    'info: the store is open {"store":"sqlite:a"}',
  ]);
});
