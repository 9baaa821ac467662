import { InferenceClient } from "../../lib/services/inference_client.ts";
import { type ServedModels, serveModels } from "../support/served_models.ts";

/** JSON, as the Pipeline answers. */
export type Answer = Readonly<Record<string, unknown>>;

/** A server with workers of the Pipeline, in this process. */
export interface ServedPipeline extends AsyncDisposable {
  readonly served: ServedModels;
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly client: InferenceClient;
  /** Uploads a file, in base64 unless it is a text. */
  upload(nnId: string, weights: Uint8Array | string): Promise<{ status: number; body: Answer }>;
  predict(vector: unknown): Promise<{ status: number; body: Answer }>;
  status(): Promise<Answer>;
}

/** Workers that can be killed and held up. */
export const FATAL_INSTANCE = new URL("./fixtures/fatal_instance.ts", import.meta.url);

/** Starts a server with two serving threads, and as many workers. */
export async function servePipeline(
  workers: number,
  { flags = [], instance }: { readonly flags?: readonly string[]; readonly instance?: URL } = {},
): Promise<ServedPipeline> {
  const given = ["--pipeline-workers", `${workers}`, ...flags];
  const served = await serveModels({}, given, instance === undefined ? {} : { instance });
  const url = served.rest.slice(0, -"/v2".length);
  const [client] = served.clients(1);
  const told = async (response: Response) => ({
    status: response.status,
    body: await response.json() as Answer,
  });
  return {
    served,
    url,
    client,
    upload: async (nnId, weights) => {
      const body = uploadForm(nnId, weights);
      return told(await fetch(`${url}/set_weights`, { method: "PUT", body }));
    },
    predict: async (vector) => {
      const body = JSON.stringify({ vector });
      const headers = { "content-type": "application/json" };
      return told(await fetch(`${url}/predict`, { method: "POST", body, headers }));
    },
    status: async () => await (await fetch(`${url}/status`)).json(),
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

/** What curl sends for `-F nn_id=… -F "data=@…;type=application/octet-stream"`. */
export function uploadForm(nnId: string, weights: Uint8Array | string): FormData {
  const text = typeof weights === "string" ? weights : weights.toBase64();
  const form = new FormData();
  form.append("nn_id", nnId);
  form.append("data", new File([text], "weights.b64", { type: "application/octet-stream" }));
  return form;
}

/** A network's id of a number. */
export function idOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

/** The text that base64 stands for. */
export function decodeTrace(trace: unknown): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(String(trace)));
}
