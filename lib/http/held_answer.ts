import { STALLED_MS } from "../limits.ts";
import type { BodyBudget } from "./body_budget.ts";
import { HttpError } from "./http_error.ts";

/** An answer that is shorter is sent at once: what the system buffers for a socket takes it. */
const HELD_BYTES_MIN = 65_536;

/** What is handed over each time the client has taken what was before. */
const PIECE_BYTES = 65_536;

/**
 * An answer whose body counts for a budget until the client has taken it, or is gone: a request of some bytes
 * may ask for megabytes, and nobody can be made to read them. A client that takes nothing for `stalledMs` gets
 * no more.
 *
 * @param response with a body that is there; it is the one that is sent where it is short
 * @throws {HttpError} 503 when the answers that are being taken leave no room for this one
 */
export async function holdAnswer(
  response: Response,
  budget: BodyBudget,
  stalledMs = STALLED_MS,
): Promise<Response> {
  const body = await response.bytes();
  const { length } = body;
  const { status, headers } = response;
  if (length < HELD_BYTES_MIN) return new Response(body, { status, headers });
  if (!budget.tryTake(length)) {
    throw HttpError.overloaded("Cannot answer: clients have to take other answers first");
  }
  headers.set("content-length", String(length));
  return new Response(takenInPieces(body, () => budget.giveBack(length), stalledMs), {
    status,
    headers,
  });
}

/** @param onOver called once: all was taken, nobody takes it any more, or nobody did for `stalledMs` */
function takenInPieces(
  body: Uint8Array<ArrayBuffer>,
  onOver: () => void,
  stalledMs: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    clearTimeout(timer);
    onOver();
  };
  const watch = (controller: ReadableStreamDefaultController) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      controller.error(new Error(`Nothing was taken for ${stalledMs} ms`));
      onOver();
    }, stalledMs);
  };
  return new ReadableStream({
    start: watch,
    pull(controller) {
      watch(controller);
      const piece = body.subarray(at, at + PIECE_BYTES);
      at += piece.length;
      if (piece.length > 0) return controller.enqueue(piece);
      end();
      controller.close();
    },
    cancel: end,
  }, { highWaterMark: 0 });
}
