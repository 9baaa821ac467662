import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { formatHtml } from "../../lib/bench/page/html_page.ts";
import type { BenchReport } from "../../lib/bench/report.ts";
import { findChromium, openBrowser } from "../support/browser.ts";
import { makeDistribution, makeReport } from "./made_report.ts";

const chromium = findChromium();

/** Ends a script, starts an element, and closes an attribute. */
const HOSTILE =
  `"'></script><!--<script><img src=x onerror="hacked = 1"><script>hacked = 1</script>`;

const hostile = makeReport({ failing: 3 }, {
  target: HOSTILE,
  errors: [{ code: HOSTILE, count: 30 }],
  warnings: [HOSTILE],
});

Deno.test("formatHtml() asks for nothing outside of itself", () => {
  const page = formatHtml(makeReport());
  assert.match(page, /^<!doctype html>\n<html lang="en">/);
  const tags = page.replaceAll(/<(script|style)\b[^>]*>.*?<\/\1>/gs, "<$1>");
  assert.deepEqual([...tags.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, url]) => url), [
    "data:,",
  ]);
  assert.doesNotMatch(page, /@import|url\(/);
});

Deno.test("formatHtml() keeps the license of the charts' library", () => {
  assert.match(formatHtml(makeReport()), /<!-- uPlot[^>]*The MIT License[^>]*Leon Sorokin[^>]*-->/);
});

Deno.test("formatHtml() escapes what a server and a user say", () => {
  const { workloads } = split;
  const options = { ...hostile.options, workload: HOSTILE };
  const page = formatHtml({ ...hostile, options, workloads });
  const count = (part: RegExp) => [...page.matchAll(part)].length;
  assert.equal(count(/<script\b/g), 3);
  assert.equal(count(/<\/script>/g), 3);
  assert.equal(count(/<img/g), 0);
  // What a page holds in its JSON is what the report said.
  const [, json] = /id="report">(.*?)<\/script>/s.exec(page) ?? [];
  assert.equal(JSON.parse(json).target, HOSTILE);
});

Deno.test("formatHtml() writes a run in which nothing was answered", () => {
  const none = makeDistribution(0, 1);
  const nothing = { ...none, count: 0, curve: [] };
  const page = formatHtml(makeReport({}, {
    ...{ calls: 0, achievedPerSecond: 0, latency: nothing, service: nothing, hits: null },
    ...{ misses: null, offeredPerSecond: null, series: [] },
  }));
  assert.match(page, /latency p99<\/span> <strong>–</);
  assert.doesNotMatch(page.replaceAll(/<script.*?<\/script>/gs, ""), /NaN|undefined|null|Infinity/);
});

Deno.test({
  name: "chromium: a report's page",
  ignore: chromium === undefined,
  async fn(t) {
    const browser = await openBrowser(chromium ?? "");
    try {
      await t.step("draws the report's curve", () => drawsCurve(browser));
      await t.step("draws the course of the run", () => drawsCourse(browser));
      await t.step("has the report's numbers in tables", () => hasTables(browser));
      await t.step("has the server's own times and each workload", () => hasServerTimes(browser));
      await t.step("runs nothing that a report says", () => runsNothing(browser));
      await t.step("is as light or dark as the reader's system", () => followsScheme(browser));
      await t.step("is as wide as a phone", () => fitsPhone(browser));
      await t.step("shows a run of one second, and of none", () => showsShortRuns(browser));
    } finally {
      await browser.close();
    }
  },
});

interface OpenPage extends AsyncDisposable {
  readonly page: Page;
}

/**
 * The report's page as a browser shows it, from a server that has nothing else. Its end fails if the
 * browser wrote to its console, or asked for anything but the page.
 */
async function open(
  browser: Browser,
  report: BenchReport,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<OpenPage> {
  const asked: string[] = [];
  const problems: string[] = [];
  const headers = { "content-type": "text/html" };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
    asked.push(new URL(url).pathname);
    return new Response(formatHtml(report), { headers });
  });
  const page = await browser.newPage(options);
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  const address = `http://127.0.0.1:${server.addr.port}/`;
  await page.goto(address);
  return {
    page,
    async [Symbol.asyncDispose]() {
      await page.close();
      await server.shutdown();
      assert.deepEqual(problems, []);
      assert.deepEqual(asked.sort(), ["/", address]);
    },
  };
}

/** The columns of numbers that a chart draws. */
function columnsOf(page: Page, id: string): Promise<(number | null)[][]> {
  return page.evaluate(`Array.from(charts["${id}"].data, (column) => Array.from(column))`);
}

/** How many pixels of a chart have exactly the color of a style variable. */
function pixelsOf(page: Page, id: string, variable: string): Promise<number> {
  return page.evaluate(`(() => {
    const style = getComputedStyle(document.documentElement).getPropertyValue("--${variable}");
    const [, ...color] = /#(..)(..)(..)/.exec(style);
    const wanted = color.map((hex) => parseInt(hex, 16));
    const canvas = document.querySelector("#${id} canvas");
    // Reading from the chart's own canvas twice would make the browser warn.
    const copy = Object.assign(document.createElement("canvas"), {
      width: canvas.width,
      height: canvas.height,
    }).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (wanted.every((value, channel) => data[i + channel] === value)) count++;
    }
    return count;
  })()`);
}

async function drawsCurve(browser: Browser): Promise<void> {
  const report = makeReport();
  await using opened = await open(browser, report);
  const { page } = opened;
  const [x, latency, service] = await columnsOf(page, "percentiles");
  const drawn = x.map((x, index) => [x, latency[index]] as [number, number | null])
    .filter(([, ms]) => ms !== null);
  const { curve, count } = report.latency;
  assert.deepEqual(drawn.map(([, ms]) => ms), curve.map(({ valueMs }) => valueMs));
  for (const [index, [x]] of drawn.slice(0, -1).entries()) {
    assert.ok(Math.abs(x * (100 - curve[index].percentile) / 100 - 1) < 1e-9);
  }
  // The slowest of n calls is drawn at 1 − 1/n.
  assert.equal(drawn.at(-1)?.[0], count);
  assert.deepEqual(
    service.filter((ms) => ms !== null),
    report.service.curve.map(({ valueMs }) => valueMs),
  );
  for (const variable of ["first", "second"]) {
    assert.ok(await pixelsOf(page, "percentiles", variable) > 200, variable);
  }

  await page.check("#logarithmic");
  assert.equal(await page.evaluate("charts.percentiles.scales.y.distr"), 3);
  assert.ok(await pixelsOf(page, "percentiles", "first") > 200);
}

async function drawsCourse(browser: Browser): Promise<void> {
  const report = makeReport({ failing: 3 });
  const [first, second, ...rest] = report.series;
  const silent = { ...second, calls: 0, errors: 0, p50Ms: 0, p99Ms: 0 };
  const series = [first, silent, ...rest, { ...second, second: 10, calls: 4 }];
  await using opened = await open(browser, { ...report, series });
  const { page } = opened;
  const seconds = series.map(({ second }) => second);
  const timesOf = (field: "p50Ms" | "p99Ms") =>
    series.map((row) => row.calls === 0 ? null : row[field]);
  // The run ended within the last second.
  const answers = series.map(({ second, calls, errors }) => second < 10 ? calls - errors : null);
  assert.match(await page.locator("#rate + .note").innerText(), /^Without the last second/);
  assert.deepEqual(await columnsOf(page, "rate"), [seconds, answers]);
  assert.deepEqual(await columnsOf(page, "errors"), [seconds, series.map(({ errors }) => errors)]);
  assert.deepEqual(await columnsOf(page, "times"), [seconds, timesOf("p50Ms"), timesOf("p99Ms")]);
  for (const [id, variable] of [["rate", "first"], ["errors", "bad"], ["times", "second"]]) {
    assert.ok(await pixelsOf(page, id, variable) > 200, id);
  }
}

async function hasTables(browser: Browser): Promise<void> {
  const report = makeReport({ ratePerSecond: 12_000, p50Ms: 0.42, failing: 12 });
  await using opened = await open(browser, report);
  const { page } = opened;
  const rows = async (id: string) =>
    (await page.locator(`#${id} tr`).allInnerTexts()).map((text) => text.split("\t"));
  const distributions = await rows("distributions");
  assert.deepEqual(distributions[0], ["ms", "latency", "service", "hits", "misses"]);
  assert.deepEqual(distributions[3], ["p50", "0.420", "0.252", "0.210", "0.420"]);
  assert.deepEqual(distributions.at(-1), ["calls", "120 000", "120 000", "30 000", "90 000"]);
  const counts = new Map((await rows("counts")).map(([name, value]) => [name, value]));
  assert.equal(counts.get("rate"), "11 988 calls/s");
  assert.equal(counts.get("errors UNAVAILABLE"), "120");
  const run = new Map((await rows("run")).map(([name, value]) => [name, value]));
  assert.equal(run.get("loop"), "open, poisson arrivals");
  assert.equal(run.get("seed"), "12345");
  assert.equal(run.has("deadline"), false);
  const tiles = await page.locator(".tile").allInnerTexts();
  assert.ok(tiles.includes("errors\n0.1 %"), tiles.join());
  assert.equal(await page.title(), "predict on 127.0.0.1:5440: load report");
}

/** A report of a server that tells, and of several workloads. */
const split = makeReport({}, {
  coalesced: makeDistribution(2, 100),
  server: { queue: makeDistribution(0.1, 200), compute: makeDistribution(0.4, 100), cache: null },
  workloads: [
    {
      ...{ workload: "random", weight: 3, calls: 7_500, errors: [] },
      latency: makeDistribution(1, 9),
    },
    {
      ...{ workload: HOSTILE, weight: 1, calls: 2_500 },
      errors: [{ code: HOSTILE, count: 2 }, { code: "INTERNAL", count: 5 }],
      latency: { ...makeDistribution(1, 1), count: 0, curve: [] },
    },
  ],
});

async function hasServerTimes(browser: Browser): Promise<void> {
  await using opened = await open(browser, split, { colorScheme: "light" });
  const { page } = opened;
  const rows = async (id: string) =>
    (await page.locator(`#${id} tr`).allInnerTexts()).map((text) =>
      text.split("\t").map((cell) => cell.trim())
    );
  assert.deepEqual(await rows("server"), [
    ["ms", "", "mean", "p50", "p99", "max", "answers"],
    ["queue", "", "0.144", "0.100", "0.664", "0.765", "200"],
    ["compute", "", "0.577", "0.400", "2.66", "2.66", "100"],
  ]);
  assert.deepEqual(await rows("workloads"), [
    ["workload", "weight", "share", "calls", "p50 ms", "p99 ms", "errors"],
    ["random", "3", "75 %", "7 500", "1.00", "6.64", "0"],
    [HOSTILE, "1", "25 %", "2 500", "–", "–", "7"],
  ]);
  assert.equal((await rows("distributions"))[0].at(-1), "coalesced");
  // The bars are as long as the sums are to each other, in the colors of the page.
  const bars = page.locator("#server rect");
  const boxes = await Promise.all([0, 1].map((index) => bars.nth(index).boundingBox()));
  const [queuePx, computePx] = boxes.map((box) => box?.width ?? 0);
  assert.ok(
    computePx > 60 && Math.abs(queuePx / computePx - 0.5) < 0.02,
    `${queuePx} ${computePx}`,
  );
  const fill = () =>
    page.evaluate<string>(`getComputedStyle(document.querySelector("#server rect")).fill`);
  assert.equal(await fill(), "rgb(29, 95, 209)");
  await page.emulateMedia({ colorScheme: "dark" });
  await until(page, "matchMedia('(prefers-color-scheme: dark)').matches");
  assert.equal(await fill(), "rgb(110, 168, 255)");
}

async function runsNothing(browser: Browser): Promise<void> {
  await using opened = await open(browser, hostile);
  const { page } = opened;
  assert.equal(await page.evaluate("typeof hacked"), "undefined");
  assert.equal(await page.locator("h1 span").innerText(), `on ${HOSTILE}`);
  assert.equal(await page.locator(".warnings li").innerText(), HOSTILE);
  assert.equal(await page.locator("img").count(), 0);
}

async function followsScheme(browser: Browser): Promise<void> {
  await using opened = await open(browser, makeReport(), { colorScheme: "light" });
  const { page } = opened;
  const background = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const light = await background();
  const lightCurve = await pixelsOf(page, "rate", "first");
  await page.emulateMedia({ colorScheme: "dark" });
  await until(page, "matchMedia('(prefers-color-scheme: dark)').matches");
  assert.notEqual(await background(), light);
  assert.ok(lightCurve > 200);
  // The charts are drawn anew, in the other colors, some time after the page has them.
  for (let waits = 0; await pixelsOf(page, "rate", "first") <= 200; waits++) {
    assert.ok(waits < 1_000, "the curve is not drawn in the other colors");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits for what is asked from outside: the page itself forbids text to be run, which its waiting would need. */
async function until(page: Page, expression: string): Promise<void> {
  for (let waits = 0; !await page.evaluate<boolean>(expression); waits++) {
    assert.ok(waits < 1_000, `${expression} never holds`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function fitsPhone(browser: Browser): Promise<void> {
  const viewport = { width: 360, height: 740 };
  const latency = { ...hostile.latency, count: 123_456_789_012 };
  const { server, workloads } = split;
  const wide = { ...hostile, latency, service: latency, misses: latency, server, workloads };
  await using opened = await open(browser, wide, { viewport });
  const { page } = opened;
  assert.equal(await page.evaluate("document.documentElement.scrollWidth"), viewport.width);
  await page.setViewportSize({ width: 900, height: 740 });
  await until(page, "charts.rate.width > 600");
}

async function showsShortRuns(browser: Browser): Promise<void> {
  const empty = { ...makeDistribution(1, 1), count: 0, curve: [] };
  const none = makeReport({ seconds: 1 }, { series: [], latency: empty, service: empty, calls: 0 });
  const half = makeReport({ seconds: 1 }, { elapsedMs: 500 });
  for (const report of [makeReport({ seconds: 1 }), half, none]) {
    await using opened = await open(browser, report);
    assert.equal(await opened.page.locator("#rate + .note").count(), 0);
    const [seconds, answers] = await columnsOf(opened.page, "rate");
    assert.deepEqual(seconds, report.series.map(({ second }) => second));
    assert.deepEqual(answers, report.series.map(({ calls }) => calls));
  }
}
