import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { canRun, runProgram } from "../support/programs.ts";
import { type RunningPool, startPool } from "../support/running_pool.ts";

/**
 * Tools that know nothing of ModelServer but what the server tells them. `.ci/run` gets them where it
 * can: grpcurl, `github.com/fullstorydev/grpcurl/cmd/grpcurl`; from PyPI grpcio, and with the
 * reflection client grpcio-health-checking and grpcio-reflection.
 */
const ignoreGrpcurl = !await canRun("grpcurl", "-version");
const ignoreGrpcio = !await canRun("python3", "-c", "import grpc");
const ignoreReflection = !await canRun("python3", "-c", "import grpc_health, grpc_reflection");

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname;

/** A server that computes 1·x + 2·y + 3·z. */
async function startServer(): Promise<RunningPool> {
  const server = await startPool();
  const channel = openChannel({ hostname: "127.0.0.1", port: server.port });
  await new ModelServerClient(channel).setCoefs([1, 2, 3]);
  channel.close();
  return server;
}

/** Runs grpcurl without proto files; `flags` stand before the address, `command` behind it. */
async function grpcurl(
  { port }: RunningPool,
  command: readonly string[],
  flags: readonly string[] = [],
): Promise<string> {
  const args = ["-plaintext", "-max-time", "20", ...flags, `127.0.0.1:${port}`, ...command];
  const { code, stdout, stderr } = await runProgram("grpcurl", ...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

Deno.test(
  { name: "grpcurl: lists and describes what is served", ignore: ignoreGrpcurl },
  async () => {
    await using server = await startServer();
    assert.deepEqual((await grpcurl(server, ["list"])).trim().split("\n"), [
      "ModelServer",
      "NumStore",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "inference.GRPCInferenceService",
      "invocation.v1.Invocation",
    ]);
    assert.equal(
      await grpcurl(server, ["list", "ModelServer"]),
      "ModelServer.Predict\nModelServer.SetCoefs\n",
    );
    assert.match(
      await grpcurl(server, ["describe", "ModelServer"]),
      /rpc Predict \( \.PredictRequest \) returns \( \.PredictResponse \);/,
    );
    assert.match(
      await grpcurl(server, ["describe", "PredictRequest"]),
      /repeated float inputs = 1;/,
    );
    const everything = await grpcurl(server, ["describe"]);
    assert.match(everything, /rpc Watch \( [^)]+ \) returns \( stream [^)]+ \);/);
    assert.match(
      await grpcurl(server, ["describe", "grpc.health.v1.HealthListResponse"]),
      /map<string, \.grpc\.health\.v1\.HealthCheckResponse> statuses = 1;/,
    );
  },
);

Deno.test({ name: "grpcurl: calls without proto files", ignore: ignoreGrpcurl }, async () => {
  await using server = await startServer();
  const predict = await grpcurl(server, ["ModelServer/Predict"], ["-d", '{"inputs":[1,2,3]}']);
  assert.deepEqual(JSON.parse(predict), { output: 14 });
  const check = await grpcurl(
    server,
    ["grpc.health.v1.Health/Check"],
    ["-d", '{"service":"ModelServer"}'],
  );
  assert.deepEqual(JSON.parse(check), { status: "SERVING" });
  const { statuses } = JSON.parse(await grpcurl(server, ["grpc.health.v1.Health/List"]));
  assert.deepEqual(statuses.ModelServer, { status: "SERVING" });
});

Deno.test(
  { name: "grpcio: reflection and the stock health client", ignore: ignoreReflection },
  async () => {
    await using server = await startServer();
    const client = fixture("reflection_client.py");
    const { stdout, stderr } = await runProgram("python3", client, `${server.port}`);
    assert.equal(stdout, "ok\n", stderr);
  },
);

Deno.test(
  { name: "grpcio: health, until a drain ends its watches", ignore: ignoreGrpcio },
  async () => {
    await using server = await startServer();
    const child = new Deno.Command("python3", {
      args: [fixture("health_client.py"), `${server.port}`],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    let said = "";
    let drained: Promise<boolean> | undefined;
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      // A pipe hands on parts of lines as well as lines.
      if (said.startsWith("watching\n")) drained ??= server.pool.drain(60_000);
    }
    assert.equal(said, "watching\nok\n", await stderr);
    assert.equal(await drained, true);
    await child.status;
  },
);
