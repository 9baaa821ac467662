/** Answers bytes with themselves: what gRPC costs without a model. Prints its port. */

import { acceptLoop, listen } from "../../lib/grpc/listener.ts";
import { GrpcServer } from "../../lib/grpc/server.ts";
import { ServiceRegistry } from "../../lib/grpc/service.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import { write } from "../comparison.ts";
import { bytesEcho } from "./bytes_echo.ts";

const registry = new ServiceRegistry();
registry.add(bytesEcho, (bytes) => bytes);
const server = new GrpcServer(registry, {
  messageBytesMax: MESSAGE_BYTES_MAX_DEFAULT,
  observer: { onCallStart() {}, onCallEnd() {}, onHandlerError() {} },
});
const where = { hostname: "127.0.0.1", port: 0, sharePort: false, probePort: false };
const listener = listen(where);
write(`${JSON.stringify({ port: listener.addr.port })}\n`);
await acceptLoop(listener, (connection) => void server.serve(connection), (error) => {
  throw error;
});
