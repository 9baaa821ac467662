import { Channel, openChannel } from "../../lib/grpc/channel.ts";
import { acceptLoop, listen } from "../../lib/grpc/listener.ts";
import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import { GrpcServer } from "../../lib/grpc/server.ts";
import type { CallObserver } from "../../lib/grpc/server_call.ts";
import {
  type Handler,
  type Method,
  type MethodKind,
  ServiceRegistry,
} from "../../lib/grpc/service.ts";
import { type Code, codeName } from "../../lib/grpc/status.ts";
import type { Transport } from "../../lib/http2/connection.ts";
import type { KeeperTimes } from "../../lib/http2/keeper.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import echoText from "./fixtures/echo.proto" with { type: "text" };
import { memoryPipe } from "./memory_pipe.ts";

/** Whether this test run may listen and connect. */
export const mayUseNet = Deno.permissions.querySync({ name: "net" }).state === "granted";

/** `test.Note`; absent fields are at their defaults. */
export interface Note {
  readonly text?: string;
  readonly body?: Uint8Array;
  readonly count?: number;
}

const file = new ProtoFile(echoText);

/** The methods of `service test.Echo`, of every kind one. */
export const echo = {
  unary: file.method<"unary", Note, Note>("test.Echo", "Unary", "unary"),
  collect: file.method<"clientStreaming", Note, Note>("test.Echo", "Collect", "clientStreaming"),
  expand: file.method<"serverStreaming", Note, Note>("test.Echo", "Expand", "serverStreaming"),
  chat: file.method<"bidiStreaming", Note, Note>("test.Echo", "Chat", "bidiStreaming"),
};

type EchoHandler<Kind extends MethodKind> = Handler<Kind, Note, Note>;

/** What answers; a method without a handler is not there. */
export interface EchoHandlers {
  readonly unary?: EchoHandler<"unary">;
  readonly collect?: EchoHandler<"clientStreaming">;
  readonly expand?: EchoHandler<"serverStreaming">;
  readonly chat?: EchoHandler<"bidiStreaming">;
}

/** Answers every method with what came in. */
export const ECHO_HANDLERS: EchoHandlers = {
  unary: (note) => note,
  collect: async (notes) => {
    let text = "";
    let count = 0;
    for await (const note of notes) {
      text += note.text;
      count++;
    }
    return { text, count };
  },
  expand: async function* ({ text, body, count = 0 }) {
    for (let i = 0; i < count; i++) yield { text, body, count: i } as Note;
  },
  chat: async function* (notes) {
    yield* notes;
  },
};

/** Remembers what a server tells its observer. */
export class RecordingObserver implements CallObserver {
  started = 0;
  /** The names of the codes that calls ended with, in order. */
  readonly ended: string[] = [];
  readonly handlerErrors: { readonly path: string; readonly error: unknown }[] = [];
  #change = Promise.withResolvers<void>();

  onCallStart(): void {
    this.started++;
    this.#tell();
  }

  onCallEnd(code: Code): void {
    this.ended.push(codeName(code));
    this.#tell();
  }

  onHandlerError(path: string, error: unknown): void {
    this.handlerErrors.push({ path, error });
  }

  /** Resolves once so many calls have started. */
  async whenStarted(count: number): Promise<void> {
    while (this.started < count) await this.#change.promise;
  }

  /** Resolves once so many calls have ended. */
  async whenEnded(count: number): Promise<void> {
    while (this.ended.length < count) await this.#change.promise;
  }

  #tell(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

/** How a server under test differs from the usual. */
export interface TestServerOptions {
  readonly messageBytesMax?: number;
  readonly streamsMax?: number;
  /** How long connections may be what, looked at every millisecond. */
  readonly times?: Partial<KeeperTimes>;
  /** Adds methods beyond `test.Echo`. */
  readonly register?: (registry: ServiceRegistry) => void;
  /** Stands between the server and each of its connections. */
  readonly tap?: (transport: Transport) => Transport;
}

/** A GrpcServer under test with the channels to it; all of it ends with its scope. */
export class TestServer implements AsyncDisposable {
  readonly observer = new RecordingObserver();
  readonly server: GrpcServer;
  /** Client's ends of the connections that were opened, in order. */
  readonly transports: Transport[] = [];
  readonly #channels: Channel[] = [];
  readonly #serving: Promise<unknown>[] = [];
  readonly #tap: (transport: Transport) => Transport;
  #listener: Deno.TcpListener | undefined;
  #accepting: Promise<void> | undefined;

  constructor(handlers: EchoHandlers, options: TestServerOptions = {}) {
    const registry = new ServiceRegistry();
    for (const [name, handler] of Object.entries(handlers)) {
      // Which handler belongs to which method, EchoHandlers says; the entries forget it.
      const method = echo[name as keyof EchoHandlers] as Method<MethodKind, Note, Note>;
      registry.add(method, handler as Handler<MethodKind, Note, Note>);
    }
    options.register?.(registry);
    this.#tap = options.tap ?? ((transport) => transport);
    this.server = new GrpcServer(registry, {
      messageBytesMax: options.messageBytesMax ?? MESSAGE_BYTES_MAX_DEFAULT,
      ...(options.streamsMax === undefined ? {} : { streamsMax: options.streamsMax }),
      ...(options.times === undefined ? {} : { times: options.times, roundMs: 1 }),
      observer: this.observer,
    });
  }

  /** Opens a connection in memory and returns the client's end. */
  dial(): Promise<Transport> {
    const [client, server] = memoryPipe();
    this.transports.push(client);
    this.#serving.push(this.server.serve(this.#tap(server)));
    return Promise.resolve(client);
  }

  /** A channel over connections in memory. */
  channel({ messageBytesMax = MESSAGE_BYTES_MAX_DEFAULT } = {}): Channel {
    return this.#keep(
      new Channel({ dial: () => this.dial(), authority: "memory:1", messageBytesMax }),
    );
  }

  /** Listens on a port of the system's choice; needs the net permission. */
  listen(): number {
    const where = { hostname: "127.0.0.1", port: 0, sharePort: false, probePort: false };
    this.#listener = listen(where);
    this.#accepting = acceptLoop(this.#listener, (connection) => {
      this.#serving.push(this.server.serve(this.#tap(connection)));
    }, failed);
    return this.#listener.addr.port;
  }

  /** A channel over TCP. */
  tcpChannel(port: number): Channel {
    return this.#keep(openChannel({ hostname: "127.0.0.1", port }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels) channel.close();
    this.#listener?.close();
    await this.#accepting;
    this.server.close();
    await Promise.all(this.#serving);
  }

  #keep(channel: Channel): Channel {
    this.#channels.push(channel);
    return channel;
  }
}

/** All that an iterable yields. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** Resolves when `signal` aborts, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}

/** These tests never run out of what an accept needs. */
function failed(error: unknown): never {
  throw error;
}
