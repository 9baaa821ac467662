import { OperationError, shortened } from "../errors.ts";
import { MessageQueue } from "../grpc/message_queue.ts";
import type { InferenceBackend } from "../inference/backend.ts";
import type { InferCall } from "../inference/infer.ts";
import { STREAM_INFERENCES_MAX } from "../limits.ts";
import { inferCall } from "./inference_call.ts";
import type { ModelInferRequest } from "./inference_codec/infer_request.ts";
import type { ModelStreamInferResponse } from "./inference_codec/stream_response_codec.ts";

/** An answer that is there, or will be. */
type Answer = Promise<ModelStreamInferResponse>;

/**
 * Answers each request of a stream, in the order of the requests, STREAM_INFERENCES_MAX at a time.
 *
 * What is wrong with a request stands in its answer; the stream goes on. A bug, a message that cannot be
 * read and the end of the call end it.
 */
export async function* answerStream(
  backend: InferenceBackend,
  requests: AsyncIterable<ModelInferRequest>,
  call: InferCall,
): AsyncGenerator<ModelStreamInferResponse, void, void> {
  const room = new Room(STREAM_INFERENCES_MAX);
  const answers = new MessageQueue<Answer>({ onTaken: () => {}, onStopped: () => room.close() });
  // Not waited for: it ends when the requests do, and those with the call.
  readAll(backend, requests, call, { answers, room });
  for await (const answer of answers) {
    yield await answer;
    room.leave();
  }
}

/** Never rejects. */
async function readAll(
  backend: InferenceBackend,
  requests: AsyncIterable<ModelInferRequest>,
  call: InferCall,
  { answers, room }: { readonly answers: MessageQueue<Answer>; readonly room: Room },
): Promise<void> {
  try {
    for await (const request of requests) {
      const answer = answerOne(backend, request, call);
      // Who reads the answers hears of it; nobody may, once the call is over.
      answer.catch(() => {});
      answers.push(answer);
      await room.enter();
      if (room.closed) return;
    }
    answers.end();
  } catch (error) {
    answers.endWith(error);
  }
}

/** Rejects with what is no operational error. */
async function answerOne(
  backend: InferenceBackend,
  { id, raw, infer, timeoutMs, refused }: ModelInferRequest,
  call: InferCall,
): Promise<ModelStreamInferResponse> {
  try {
    if (refused !== undefined) throw refused;
    const answer = await backend.infer(infer, inferCall(call, timeoutMs));
    return { error: "", response: { id, raw, answer } };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    const { model, version = "" } = infer;
    const answer = { model: shortened(model), version: shortened(version), outputs: [] };
    return { error: error.message, response: { id, raw, answer } };
  }
}

/** Places for requests that are being answered; one waits for a place. */
class Room {
  closed = false;
  readonly #placesMax: number;
  #taken = 0;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(placesMax: number) {
    this.#placesMax = placesMax;
  }

  /** Takes a place, and resolves once there is another. */
  async enter(): Promise<void> {
    this.#taken++;
    if (this.#taken < this.#placesMax || this.closed) return;
    this.#waiting = Promise.withResolvers<void>();
    await this.#waiting.promise;
  }

  leave(): void {
    this.#taken--;
    this.#wake();
  }

  /** Nobody waits any more. */
  close(): void {
    this.closed = true;
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
