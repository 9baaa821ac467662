import assert from "node:assert/strict";
import { readForm } from "../../../lib/http/form.ts";
import { HttpError } from "../../../lib/http/http_error.ts";
import { FORM_PARTS_MAX } from "../../../lib/limits.ts";
import { mutant } from "../mutation.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** The body of a form: its fields, as they stand in it, or an error that says why not. */
export const form: FuzzTarget = {
  name: "form",
  share: 5,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    // Up to the first line feed the content-type, behind it the body.
    const end = input.indexOf(0x0a);
    const head = latin1.decode(end < 0 ? input : input.subarray(0, end));
    const body = input.subarray(end < 0 ? input.length : end + 1);
    const type = head === "" ? null : head;
    const outcome = valueOrError(() => readForm(type, body), isRefusal);
    if ("error" in outcome) return;
    const all = latin1.decode(body);
    assert.ok(outcome.value.size <= FORM_PARTS_MAX);
    let at = 0;
    for (const { text } of outcome.value.values()) {
      at = all.indexOf(text, at);
      assert.ok(at >= 0, "a field that does not stand in the body");
      at += text.length;
    }
  },
};

function isRefusal(error: unknown): error is HttpError {
  return error instanceof HttpError && error.status === 400;
}

const latin1 = new TextDecoder("latin1");

const PARTS = '--b\r\nContent-Disposition: form-data; name="nn_id"\r\n\r\n0123\r\n' +
  '--b\r\nContent-Disposition: form-data; name="data"; filename="x\\"y"\r\n' +
  "Content-Type: application/octet-stream\r\n\r\nQUJD\r\n--b--\r\n";

const SEEDS = [
  `multipart/form-data; boundary=b\n${PARTS}`,
  `multipart/form-data; boundary="b"; x=y\npreamble\r\n${PARTS}epilogue`,
  `multipart/form-data; boundary=b\n--b\r\n\r\n\r\n--b--`,
  "application/json\n{}",
  "\n",
].map((text) => new TextEncoder().encode(text));
