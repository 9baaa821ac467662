import { type Channel, openChannel } from "../../lib/grpc/channel.ts";
import type { KeyPair } from "../../lib/grpc/listener.ts";
import { ServedPort } from "../../lib/grpc/served_port.ts";
import { certificateText } from "../support/certificates.ts";
import { type EchoHandlers, TestServer, type TestServerOptions } from "./test_server.ts";

/** A server of `test.Echo` on a port of its own, with the channels to it; all of it ends with its scope. */
export class TlsTestServer implements AsyncDisposable {
  readonly test: TestServer;
  readonly port: ServedPort;
  /** Why connections ended, in the order in which they did. */
  readonly ends: (Error | undefined)[] = [];
  readonly #serving: Promise<unknown>[] = [];
  readonly #channels: Channel[] = [];
  readonly #ended = Promise.withResolvers<void>();

  constructor(
    handlers: EchoHandlers,
    keyPair: KeyPair | undefined,
    { sharePort = true, ...more }: TestServerOptions & { readonly sharePort?: boolean } = {},
  ) {
    this.test = new TestServer(handlers, more);
    const options = { hostname: "127.0.0.1", port: 0, sharePort, probePort: false };
    this.port = new ServedPort(options, keyPair, {
      onConnection: (connection) => {
        const served = this.test.server.serve(connection).then((end) => {
          this.ends.push(end);
          this.#ended.resolve();
        });
        this.#serving.push(served);
      },
      onAcceptFailed: (error) => {
        throw error;
      },
    });
  }

  /** Resolves once a connection has ended. */
  whenEnded(): Promise<void> {
    return this.#ended.promise;
  }

  /** A channel over TLS that trusts the authority in the file `trusted`. */
  channel(trusted = "authority.pem", hostname = "127.0.0.1"): Channel {
    const tls = { caCerts: [certificateText(trusted)] };
    const channel = openChannel({ hostname, port: this.port.number, tls });
    this.#channels.push(channel);
    return channel;
  }

  /** A TLS connection with no HTTP/2 on it yet. */
  connect(alpnProtocols?: string[]): Promise<Deno.TlsConn> {
    return Deno.connectTls({
      hostname: "127.0.0.1",
      port: this.port.number,
      caCerts: [certificateText("authority.pem")],
      ...(alpnProtocols === undefined ? {} : { alpnProtocols }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels) channel.close();
    this.port.close();
    await this.test[Symbol.asyncDispose]();
    await Promise.all(this.#serving);
  }
}
