import assert from "node:assert/strict";
import { addInference } from "../../lib/services/inference_service.ts";
import { TestServer } from "../grpc/test_server.ts";
import { describeProtoFile } from "../../lib/protobuf/file_descriptor.ts";
import { inferenceMethods, inferenceSource } from "../../lib/services/inference_contract.ts";
import { canRun, runProgram } from "../support/programs.ts";
import { FakeBackend } from "./fake_backend.ts";

/** From PyPI: tritonclient, with grpcio, numpy and packaging, which its gRPC client imports. */
const ignore = !await canRun("python3", "-c", "import tritonclient.grpc");

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname;

Deno.test(
  { name: "tritonclient: all datatypes, streams, repository, errors", ignore },
  async () => {
    const backend = new FakeBackend();
    backend.cache = "miss";
    backend.timing = { queueMs: 0.25, computeMs: 1.5, cacheMs: 0 };
    await using server = new TestServer({}, {
      register: (registry) => addInference(registry, inferenceMethods(), backend),
    });
    const { code, stdout, stderr } = await runProgram(
      "python3",
      fixture("triton_client.py"),
      String(server.listen()),
    );
    assert.deepEqual([code, stdout], [0, "ok\n"], stderr);
    assert.deepEqual(server.observer.handlerErrors, []);

    const asked = backend.requests.find(({ model }) => model === "concatenate");
    assert.deepEqual({ ...asked?.parameters }, { text: "ä", int: 5, float: 0.5, bool: true });
    assert.deepEqual([asked?.version, asked?.outputs, asked?.priority], ["1", ["y"], 1]);
  },
);

Deno.test({ name: "tritonclient: our messages are its messages", ignore }, async () => {
  const { bytes } = describeProtoFile(inferenceSource);
  const script = fixture("triton_messages.py");
  const { code, stdout, stderr } = await runProgram("python3", script, bytes.toHex());
  assert.deepEqual([code, stdout], [0, "ok\n"], stderr);
});
