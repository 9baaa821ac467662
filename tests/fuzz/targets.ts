import type { FuzzTarget } from "./target.ts";
import { fieldValues } from "./targets/field_values.ts";
import { floatList } from "./targets/float_list.ts";
import { form } from "./targets/form.ts";
import { frameReader } from "./targets/frame_reader.ts";
import { grpcBody } from "./targets/grpc_body.ts";
import { grpcClient } from "./targets/grpc_client.ts";
import { grpcServer } from "./targets/grpc_server.ts";
import { hpackDecode } from "./targets/hpack_decode.ts";
import { hpackRoundTrip } from "./targets/hpack_round_trip.ts";
import { http2Client } from "./targets/http2_client.ts";
import { http2Server } from "./targets/http2_server.ts";
import { gzip } from "./targets/gzip.ts";
import { inferRequest } from "./targets/infer_request.ts";
import { invocationRequest } from "./targets/invocation_request.ts";
import { jpeg } from "./targets/jpeg.ts";
import { messageAssembler } from "./targets/message_assembler.ts";
import { networkUpload } from "./targets/network_upload.ts";
import { pickle } from "./targets/pickle.ts";
import { png } from "./targets/png.ts";
import { predictResponse } from "./targets/predict_response.ts";
import { protoMessage } from "./targets/proto_message.ts";
import { requestHead } from "./targets/request_head.ts";
import { safetensors } from "./targets/safetensors.ts";
import { storedZip } from "./targets/stored_zip.ts";
import { textFormat } from "./targets/text_format.ts";

/** All that takes bytes from strangers. */
export const TARGETS: readonly FuzzTarget[] = [
  http2Server,
  http2Client,
  grpcServer,
  grpcClient,
  grpcBody,
  frameReader,
  hpackDecode,
  hpackRoundTrip,
  gzip,
  messageAssembler,
  requestHead,
  fieldValues,
  floatList,
  predictResponse,
  inferRequest,
  invocationRequest,
  protoMessage,
  textFormat,
  storedZip,
  form,
  pickle,
  networkUpload,
  safetensors,
  png,
  jpeg,
];
