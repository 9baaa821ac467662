/** A span as OTLP/JSON has it. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly CollectedAttribute[];
  readonly status?: { readonly code: number; readonly message: string };
}

interface CollectedAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number>>;
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly CollectedAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[];
  }[];
}

/** A collector of traces: real HTTP, on a port of the system's choice. */
export class Collector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  readonly requests: { readonly path: string; readonly headers: Headers }[] = [];
  resource: Readonly<Record<string, unknown>> = {};
  /** Stands before each answer. */
  hold: Promise<void> = Promise.resolve();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { headers } = request;
    this.requests.push({ path: new URL(request.url).pathname, headers });
    const body = await request.json() as ExportRequest;
    await this.hold;
    for (const { resource, scopeSpans } of body.resourceSpans) {
      this.resource = valuesOf(resource.attributes);
      this.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
    }
    return Response.json({});
  }
}

/** Attributes by key; integers as numbers. */
export function valuesOf(attributes: readonly CollectedAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value: { intValue, ...value } }) => [
    key,
    intValue === undefined ? Object.values(value)[0] : Number(intValue),
  ]));
}
