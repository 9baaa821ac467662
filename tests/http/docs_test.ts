import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findChromium, openBrowser } from "../support/browser.ts";
import { TestApp, TestHttpServer } from "./test_http.ts";

const chromium = findChromium();

Deno.test("/docs asks for nothing from elsewhere", async () => {
  const app = new TestApp();
  const page = await app.get("/docs");
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.match(
    page.headers.get("content-security-policy") ?? "",
    /^default-src 'none'; script-src 'self';/,
  );
  const links = [...(await page.text()).matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, url]) =>
    url
  );
  assert.deepEqual(links, [
    "data:,",
    "docs/swagger-ui.css",
    "docs/page.css",
    "docs/swagger-ui.js",
    "docs/page.js",
  ]);
  for (const link of links.slice(1)) {
    const file = await app.get(`/${link}`);
    assert.equal(file.status, 200);
    assert.match(file.headers.get("content-type") ?? "", /^text\/(css|javascript);/);
    assert.ok((await file.text()).length > 0);
  }
});

Deno.test({ name: "chromium: the page of the API", ignore: chromium === undefined }, async (t) => {
  await using test = new TestHttpServer();
  const browser = await openBrowser(chromium ?? "");
  for (const colorScheme of ["light", "dark"] as const) {
    await t.step(colorScheme, async () => {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 1600 } });
      const problems: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") problems.push(message.text());
      });
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("request", (request) => {
        if (!request.url().startsWith(test.url) && !request.url().startsWith("data:")) {
          problems.push(request.url());
        }
      });
      await page.goto(`${test.url}/docs`);
      await page.locator("#operations-inference-infer").waitFor();
      assert.match(await page.locator(".info .title").innerText(), /modelserver\s+1\.2\.3/);
      const [red] = await backgroundOf(page);
      assert.equal(red < 128, colorScheme === "dark");
      await tryIndex(page);
      assert.deepEqual(problems, []);
      await page.close();
    });
  }
  await browser.close();
});

/** Asks the server for its models, from the page. */
async function tryIndex(page: Page): Promise<void> {
  const operation = page.locator("#operations-repository-repositoryIndex");
  await operation.locator(".opblock-summary-control").click();
  await operation.getByRole("button", { name: "Execute" }).click();
  const answer = operation.locator(".live-responses-table tr.response");
  await answer.first().waitFor();
  assert.match(
    await answer.first().innerText(),
    /"name": "echo",\s+"version": "3",\s+"state": "READY"/,
  );
}

async function backgroundOf(page: Page): Promise<number[]> {
  const color = await page.evaluate("getComputedStyle(document.body).backgroundColor") as string;
  const [red, green, blue, alpha = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
  // A body without a color of its own shows the page's, which is white.
  return alpha === 0 ? [255, 255, 255] : [red, green, blue];
}
