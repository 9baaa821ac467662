import { formatText } from "../protobuf/text_format.ts";
import type { WorkloadRequest } from "../workload/request.ts";
import { WORKLOAD_CALL } from "./modelserver_caller.ts";
import type { ModelServerClient } from "./modelserver_client.ts";
import { modelServerProto } from "./modelserver_contract.ts";

/**
 * Makes the calls of a file workload in order and yields each response in protobuf text format,
 * with the blank line behind it.
 *
 * Source: spec modelserver, "Client".
 *
 * @throws {GrpcError} of the first call that fails; the responses before it were yielded.
 */
export async function* printedResponses(
  client: ModelServerClient,
  requests: readonly WorkloadRequest[],
): AsyncGenerator<string> {
  const setCoefsResponse = modelServerProto.type("SetCoefsResponse");
  const predictResponse = modelServerProto.type("PredictResponse");
  for (const { type, value } of requests) {
    const text = type === "SetCoefs"
      ? formatText(setCoefsResponse, await client.setCoefs(value.coefs, WORKLOAD_CALL))
      : formatText(predictResponse, await client.predict(value.inputs, WORKLOAD_CALL));
    yield `${text}\n`;
  }
}
