import assert from "node:assert/strict";
import descriptor from "protobufjs/ext/descriptor/index.js";
import { Code } from "../../lib/grpc/status.ts";
import { healthSource } from "../../lib/services/health_contract.ts";
import { addHealth } from "../../lib/services/health_service.ts";
import { HealthState } from "../../lib/services/health_state.ts";
import { modelServerSource } from "../../lib/services/modelserver_contract.ts";
import {
  type ReflectionAnswer,
  reflectionMethods,
  type ReflectionRequest,
  reflectionSources,
} from "../../lib/services/reflection_contract.ts";
import { addReflection } from "../../lib/services/reflection_service.ts";
import { all, echo, mayUseNet, TestServer } from "../grpc/test_server.ts";

const [v1, v1alpha] = reflectionMethods();

function startServer(): TestServer {
  return new TestServer({ unary: (note) => note }, {
    register: (registry) => {
      addReflection(registry, [modelServerSource, healthSource, ...reflectionSources]);
      addHealth(registry, new HealthState());
    },
  });
}

/** Asks on one stream; the answers without what repeats the request. */
async function ask(
  test: TestServer,
  requests: readonly Partial<ReflectionRequest>[],
  { method = v1, channel = test.channel() } = {},
): Promise<ReflectionAnswer[]> {
  const sent = requests.map((request) => ({ host: "h", ...request }));
  const responses = await all(channel.bidiStreaming(method, sent));
  assert.equal(responses.length, requests.length);
  return responses.map(({ valid_host, original_request, ...answer }, i) => {
    assert.equal(valid_host, "h");
    assert.deepEqual(original_request, sent[i]);
    return answer;
  });
}

/** The name of the one file in an answer. */
function fileIn(answer: ReflectionAnswer): string {
  assert.ok("file_descriptor_response" in answer, JSON.stringify(answer));
  const [bytes, ...rest] = answer.file_descriptor_response.file_descriptor_proto;
  assert.deepEqual(rest, []);
  const file = descriptor.FileDescriptorProto.decode(bytes).toJSON();
  assert.equal(file.syntax, "proto3");
  return file.name;
}

function errorIn(answer: ReflectionAnswer): Code {
  assert.ok("error_response" in answer, JSON.stringify(answer));
  assert.match(answer.error_response.error_message, /^Cannot /);
  return answer.error_response.error_code;
}

for (const [version, method] of [["v1", v1], ["v1alpha", v1alpha]] as const) {
  for (const over of ["memory", "sockets"] as const) {
    Deno.test({
      name: `Reflection ${version} over ${over} lists the services and finds their files`,
      ignore: over === "sockets" && !mayUseNet,
    }, async () => {
      await using test = startServer();
      const channel = over === "memory" ? test.channel() : test.tcpChannel(test.listen());
      const [list, ...files] = await ask(test, [
        { list_services: "" },
        { file_containing_symbol: "ModelServer" },
        { file_containing_symbol: "grpc.health.v1.Health" },
        { file_by_filename: "grpc/reflection/v1/reflection.proto" },
      ], { method, channel });
      assert.deepEqual(list, {
        list_services_response: {
          service: [
            { name: "grpc.health.v1.Health" },
            { name: "grpc.reflection.v1.ServerReflection" },
            { name: "grpc.reflection.v1alpha.ServerReflection" },
            { name: "test.Echo" },
          ],
        },
      });
      assert.deepEqual(files.map(fileIn), [
        "modelserver.proto",
        "grpc/health/v1/health.proto",
        "grpc/reflection/v1/reflection.proto",
      ]);
    });
  }
}

Deno.test("Reflection finds a file by each kind of symbol that it declares", async () => {
  await using test = startServer();
  const symbols = [
    "ModelServer.Predict",
    "PredictResponse",
    "PredictResponse.cache_hit",
    "grpc.health.v1.HealthCheckResponse.ServingStatus",
    "grpc.health.v1.HealthCheckResponse.SERVING",
    "grpc.reflection.v1alpha.ServerReflectionRequest.message_request",
  ];
  const answers = await ask(test, symbols.map((symbol) => ({ file_containing_symbol: symbol })));
  const [modelserver, health] = ["modelserver.proto", "grpc/health/v1/health.proto"];
  const v1alphaFile = "grpc/reflection/v1alpha/reflection.proto";
  const files = [modelserver, modelserver, modelserver, health, health, v1alphaFile];
  assert.deepEqual(answers.map(fileIn), files);
});

Deno.test("Reflection says NOT_FOUND of what no file has, and goes on", async () => {
  await using test = startServer();
  const message = "PredictRequest";
  const answers = await ask(test, [
    { file_by_filename: "other.proto" },
    { file_by_filename: "" },
    { file_containing_symbol: "Other" },
    { file_containing_symbol: "grpc.health" },
    { file_containing_symbol: ".ModelServer" },
    { file_containing_extension: { containing_type: message, extension_number: 100 } },
    { file_containing_extension: { containing_type: "Other", extension_number: 1 } },
    { all_extension_numbers_of_type: "Other" },
    { all_extension_numbers_of_type: "ModelServer" },
  ]);
  assert.deepEqual(answers.map(errorIn), answers.map(() => Code.NOT_FOUND));
});

Deno.test("Reflection knows of no extension of the messages that are there", async () => {
  await using test = startServer();
  const [answer] = await ask(test, [{ all_extension_numbers_of_type: "PredictRequest" }]);
  assert.deepEqual(answer, {
    all_extension_numbers_response: { base_type_name: "PredictRequest", extension_number: [] },
  });
});

Deno.test("Reflection says INVALID_ARGUMENT to a request that asks for nothing", async () => {
  await using test = startServer();
  const [nothing, list] = await ask(test, [{}, { list_services: "*" }]);
  assert.equal(errorIn(nothing), Code.INVALID_ARGUMENT);
  assert.ok("list_services_response" in list);
  // The other services are not disturbed by any of it.
  assert.equal((await test.channel().unary(echo.unary, { text: "a" })).text, "a");
});
