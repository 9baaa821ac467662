import { encodeResponse } from "./response_encoding.ts";
import { HttpError } from "./http_error.ts";
import type { HttpHandler, Route } from "./route.ts";

/** The description of the API, and a page that shows it. All of it is loaded when somebody asks. */
export const DOCUMENTATION_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/openapi.json",
    operation: "openapi",
    handler: async ({ request }, { version }) => {
      const { openApiDocument } = await import("./openapi.ts");
      const body = JSON.stringify(openApiDocument(version));
      return await encodeResponse(request, body, { "content-type": "application/json" });
    },
  },
  { method: "GET", path: "/docs", operation: "docs", handler: page("index.html") },
  ...["page.js", "page.css", "swagger-ui.js", "swagger-ui.css"].map((name): Route => ({
    method: "GET",
    path: `/docs/${name}`,
    operation: `docs/${name}`,
    handler: page(name),
  })),
];

function page(name: string): HttpHandler {
  return async ({ request }) => {
    const { DOCS_FILES, DOCS_POLICY } = await import("./docs/docs_files.ts");
    const file = DOCS_FILES.get(name);
    if (file === undefined) throw new HttpError(404, `Cannot find ${name}`);
    const { type, text } = file;
    return await encodeResponse(request, text, {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": DOCS_POLICY,
      "x-content-type-options": "nosniff",
    });
  };
}
