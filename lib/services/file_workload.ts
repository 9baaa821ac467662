import type protobuf from "protobufjs";
import { ProtoFile } from "../grpc/proto_service.ts";
import { formatText } from "../protobuf/text_format.ts";
import type { WorkloadRequest } from "../workload/request.ts";
import { WORKLOAD_CALL } from "./modelserver_caller.ts";
import type { ModelServerClient } from "./modelserver_client.ts";
import { modelServerProto } from "./modelserver_contract.ts";
import type { NumStoreClient } from "./numstore_client.ts";
import { numStoreSource } from "./numstore_contract.ts";

/** Who makes the calls of a workload. */
export interface WorkloadClients {
  readonly modelServer: ModelServerClient;
  readonly numStore: NumStoreClient;
}

/** The types of the responses, by the type of the request. */
type ResponseTypes = Readonly<Record<WorkloadRequest["type"], protobuf.Type>>;

/**
 * Makes the calls of a file workload in order and yields each response in protobuf text format,
 * with the blank line behind it.
 *
 * Source: spec modelserver, "Client".
 *
 * @throws {GrpcError} of the first call that fails; the responses before it were yielded.
 */
export async function* printedResponses(
  clients: WorkloadClients,
  requests: readonly WorkloadRequest[],
): AsyncGenerator<string> {
  const numStoreProto = new ProtoFile(numStoreSource.text);
  const types: ResponseTypes = {
    SetCoefs: modelServerProto.type("SetCoefsResponse"),
    Predict: modelServerProto.type("PredictResponse"),
    SetNum: numStoreProto.type("SetNumResponse"),
    Fact: numStoreProto.type("FactResponse"),
  };
  for (const request of requests) {
    yield `${formatText(types[request.type], await call(clients, request))}\n`;
  }
}

function call(
  { modelServer, numStore }: WorkloadClients,
  { type, value }: WorkloadRequest,
): Promise<object> {
  switch (type) {
    case "SetCoefs":
      return modelServer.setCoefs(value.coefs, WORKLOAD_CALL);
    case "Predict":
      return modelServer.predict(value.inputs, WORKLOAD_CALL);
    case "SetNum":
      return numStore.setNum(value.key, value.value, WORKLOAD_CALL);
    case "Fact":
      return numStore.fact(value.key, WORKLOAD_CALL);
  }
}
