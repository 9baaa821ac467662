import { BodyBudget } from "../../lib/http/body_budget.ts";
import { HttpApp, type HttpAppOptions, type HttpObserver } from "../../lib/http/http_app.ts";
import { HttpServer, type HttpServerOptions } from "../../lib/http/http_server.ts";
import { mockModel } from "../../lib/invocation/invocation_model.ts";
import { Invocations } from "../../lib/invocation/invocations.ts";
import { FakeStore } from "../invocation/fake_store.ts";
import { RecordingObserver as InvocationObserver } from "../invocation/recording_observer.ts";
import { FakeBackend } from "./fake_backend.ts";
import { FakeWorkers } from "./fake_workers.ts";

/** Whether this test run may listen and connect. */
export const mayUseNet = Deno.permissions.querySync({ name: "net" }).state === "granted";

export const COUNTERS = { connectionsOpened: 12, callsOk: 11 };

/** Remembers what it is told. */
export class RecordingObserver implements HttpObserver {
  started = 0;
  readonly statuses: number[] = [];
  readonly errors: unknown[] = [];

  onRequestStart(): void {
    this.started++;
  }

  onRequestEnd(status: number): void {
    this.statuses.push(status);
  }

  onHandlerError(_: string, error: unknown): void {
    this.errors.push(error);
  }
}

const NO_DEADLINES = { add: () => 0, remove: () => {} };

/** Runs of the mock in a store that it needs. */
function invocationsOn(store: FakeStore): Invocations {
  const observer = new InvocationObserver();
  return new Invocations({ model: mockModel, store, observer, needsStore: true });
}

/** An app without a socket, on a fake backend. */
export class TestApp {
  readonly backend = new FakeBackend();
  readonly store = new FakeStore();
  readonly observer = new RecordingObserver();
  readonly workers = new FakeWorkers();
  draining = false;
  readonly app: HttpApp;

  constructor(options: Partial<HttpAppOptions> = {}) {
    this.app = new HttpApp({
      backend: this.backend,
      pipeline: this.workers,
      invocations: invocationsOn(this.store),
      // Without a socket a body is there at once, and a timer would outlive the test.
      bodyLimits: { bytesMax: 1_000_000, receiveMs: 10_000, deadlines: NO_DEADLINES },
      budget: new BodyBudget(2_000_000),
      answers: new BodyBudget(2_000_000),
      counters: () => COUNTERS,
      version: "1.2.3",
      requestsMax: 10,
      observer: this.observer,
      isDraining: () => this.draining,
      ...options,
    });
  }

  async get(path: string, init: RequestInit = {}): Promise<Response> {
    return await this.app.fetch(new Request(`http://test${path}`, init));
  }

  /** Sends a body; an object as JSON. */
  async post(
    path: string,
    body: object | string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const isObject = typeof body === "object" && !(body instanceof Uint8Array);
    return await this.get(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: isObject ? JSON.stringify(body) : body as BodyInit,
    });
  }
}

/** A server on a port of the system's choice, on a fake backend. */
export class TestHttpServer implements AsyncDisposable {
  readonly backend = new FakeBackend();
  readonly workers = new FakeWorkers();
  readonly observer = new RecordingObserver();
  readonly server: HttpServer;

  constructor(options: Partial<HttpServerOptions> = {}) {
    this.server = new HttpServer({
      hostname: "127.0.0.1",
      port: 0,
      sharePort: false,
      probePort: false,
      keyPair: undefined,
      authenticator: undefined,
      bodyBytesMax: 1_000_000,
      backend: this.backend,
      pipeline: this.workers,
      invocations: invocationsOn(new FakeStore()),
      counters: () => COUNTERS,
      version: "1.2.3",
      observer: this.observer,
      ...options,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.drain();
  }
}

/** A tensor of one element per value, as JSON has it. */
export function inputJson(datatype: string, data: readonly unknown[], shape = [data.length]) {
  return { name: "x", datatype, shape, data };
}

/** An `infer` body with one such input. */
export function requestJson(datatype: string, data: readonly unknown[], shape?: number[]) {
  return { inputs: [inputJson(datatype, data, shape)] };
}
