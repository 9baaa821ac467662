import type { Codec } from "../grpc/codec.ts";
import { ProtoFile } from "../grpc/proto_service.ts";
import type { Method } from "../grpc/service.ts";
import type { ProtoSource } from "../protobuf/file_descriptor.ts";
import { FloatListCodec } from "../protobuf/float_list.ts";
import protoText from "../../modelserver.proto" with { type: "text" };
import { PredictResponseCodec } from "./predict_response_codec.ts";

/** Numbers that travel as float32; decoded ones are a Float32Array. */
export type Vector = Float32Array | readonly number[];

/** Shapes: coefs (n,) float32; valid until the next request is decoded. */
export interface SetCoefsRequest {
  readonly coefs: Vector;
}

export interface SetCoefsResponse {
  readonly success: boolean;
  /** Empty on success. */
  readonly error: string;
}

/** Shapes: inputs (n,) float32; valid until the next request is decoded. */
export interface PredictRequest {
  readonly inputs: Vector;
}

export interface PredictResponse {
  readonly output: number;
  readonly cache_hit: boolean;
  /** Empty on success. */
  readonly error: string;
}

/** The methods of `service ModelServer`. */
export interface ModelServerMethods {
  readonly setCoefs: Method<"unary", SetCoefsRequest, SetCoefsResponse>;
  readonly predict: Method<"unary", PredictRequest, PredictResponse>;
}

/** `modelserver.proto`, as others know it. */
export const modelServerSource: ProtoSource = { name: "modelserver.proto", text: protoText };

/** `modelserver.proto`, read. */
export const modelServerProto: ProtoFile = new ProtoFile(protoText);

/**
 * The methods of `modelserver.proto`, for one thread.
 *
 * Paths and kinds, and SetCoefs's response, come from the file by way of proto-loader; the vectors
 * and Predict's response, which decide how fast a call is, have codecs of their own.
 */
export function modelServerMethods(): ModelServerMethods {
  const floats = new FloatListCodec();
  const service = "ModelServer";
  return {
    setCoefs: {
      ...modelServerProto.method<"unary", SetCoefsRequest, SetCoefsResponse>(
        service,
        "SetCoefs",
        "unary",
      ),
      request: vectorCodec(floats, (coefs) => ({ coefs }), ({ coefs }) => coefs),
    },
    predict: {
      ...modelServerProto.method<"unary", PredictRequest, PredictResponse>(
        service,
        "Predict",
        "unary",
      ),
      request: vectorCodec(floats, (inputs) => ({ inputs }), ({ inputs }) => inputs),
      response: new PredictResponseCodec(),
    },
  };
}

function vectorCodec<Message>(
  floats: FloatListCodec,
  wrap: (values: Float32Array) => Message,
  unwrap: (message: Message) => Vector,
): Codec<Message> {
  return {
    decode: (bytes, start, end) => wrap(floats.decode(bytes, start, end)),
    encodedBytesMax: (message) => floats.encodedBytes(unwrap(message).length),
    encode: (message, bytes, offset) => floats.encode(unwrap(message), bytes, offset),
  };
}
