import assert from "node:assert/strict";
import {
  RECORDED_NAMES_MAX,
  SCRIPT_LOG_CHARS_MAX,
  SCRIPT_LOGS_PER_SECOND,
} from "../../lib/limits.ts";
import type { PlatformLogEntry } from "../../lib/platforms/platform_log.ts";
import { RecordedStatistics } from "../../lib/platforms/recorded_statistics.ts";
import { scriptLogger } from "../../lib/platforms/script_logger.ts";

const MODEL = { name: "m", version: "1" };

Deno.test("RecordedStatistics: count, sum, least and greatest by name", () => {
  const statistics = new RecordedStatistics();
  for (const figure of [3, -1, 2]) statistics.record({ a: figure, b: 1 });
  assert.deepEqual(statistics.snapshot(), {
    a: { count: 3, sum: 4, min: -1, max: 3 },
    b: { count: 3, sum: 3, min: 1, max: 1 },
  });
});

Deno.test("RecordedStatistics.record() records all of its figures or none", () => {
  const statistics = new RecordedStatistics();
  const names = Array.from({ length: RECORDED_NAMES_MAX }, (_, index) => [`name ${index}`, 1]);
  statistics.record(Object.fromEntries(names));
  const before = statistics.snapshot();
  assert.throws(() => statistics.record({ "name 0": 1, other: 1 }), {
    name: "RangeError",
    message: `Cannot record statistics of ${RECORDED_NAMES_MAX + 1} names: at most ` +
      `${RECORDED_NAMES_MAX} are kept`,
  });
  for (const figure of [NaN, Infinity, "1" as unknown as number]) {
    assert.throws(() => statistics.record({ "name 1": 1, "name 0": figure }), {
      name: "TypeError",
      message: `Cannot record statistic "name 0": ${figure} is no finite number`,
    });
  }
  assert.deepEqual(statistics.snapshot(), before);
  statistics.record({ "name 0": 5 });
  assert.equal(statistics.snapshot()["name 0"].max, 5);
});

Deno.test("scriptLogger() drops what is too much in a second and says how much", () => {
  const entries: PlatformLogEntry[] = [];
  let nowMs = 0;
  const logger = scriptLogger(MODEL, (entry) => entries.push(entry), () => nowMs);
  for (let index = 0; index < SCRIPT_LOGS_PER_SECOND + 7; index++) logger.info(`${index}`);
  assert.equal(entries.length, SCRIPT_LOGS_PER_SECOND);
  nowMs = 1_000;
  logger.error("next", { a: 1 });
  logger.debug("after");
  const head = { model: "m", version: "1" };
  assert.deepEqual(entries.slice(SCRIPT_LOGS_PER_SECOND), [
    { ...head, level: "error", message: "next", fields: { a: 1, droppedEntries: 7 } },
    { ...head, level: "debug", message: "after" },
  ]);
});

Deno.test("scriptLogger() cuts what is long, and takes fields that no thread could be sent", () => {
  const entries: PlatformLogEntry[] = [];
  const logger = scriptLogger(MODEL, (entry) => entries.push(entry), () => 0);
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  logger.info("x".repeat(10_000), { long: "y".repeat(10_000) });
  logger.info("function", { run: () => 1, big: 2n });
  logger.info("circle", circle);
  assert.equal(entries[0].message.length, SCRIPT_LOG_CHARS_MAX + 1);
  assert.equal(String(entries[0].fields?.cut).length, SCRIPT_LOG_CHARS_MAX + 1);
  assert.deepEqual(entries[1].fields, { big: "2" });
  assert.match(String(entries[2].fields?.cut), /^fields that are not JSON/);
});
