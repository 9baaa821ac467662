import viewerStyle from "swagger-ui-dist/swagger-ui.css" with { type: "text" };
import viewerScript from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "text" };
import pageHtml from "./page.html" with { type: "text" };
import pageScript from "./page.js" with { type: "text" };
import pageStyle from "./page.css" with { type: "text" };

/** A file of the page that shows the API. */
export interface DocsFile {
  readonly type: string;
  readonly text: string;
}

/**
 * The page that shows `/openapi.json`, and what it loads, all from this server: Swagger UI, light or dark
 * as the reader's system is.
 *
 * Cost: 1.9 MB in the thread that is asked for it first.
 */
export const DOCS_FILES: ReadonlyMap<string, DocsFile> = new Map([
  ["index.html", { type: "text/html", text: pageHtml }],
  ["page.js", { type: "text/javascript", text: pageScript }],
  ["page.css", { type: "text/css", text: pageStyle }],
  ["swagger-ui.js", { type: "text/javascript", text: viewerScript }],
  ["swagger-ui.css", { type: "text/css", text: viewerStyle }],
]);

/** The page asks this server alone. The viewer sets styles at its elements, and has its icons in data URLs. */
export const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
