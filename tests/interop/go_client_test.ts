import assert from "node:assert/strict";
import { TestServer } from "../grpc/test_server.ts";
import { CLIENT_CASES } from "./client_cases.ts";
import { GO_CLIENT, isInstalled } from "./grpc_go.ts";
import { addTestService } from "./test_service.ts";

/** What grpc-go's client has beside our own cases: large calls again and again. */
const SOAKS: Readonly<Record<string, readonly string[]>> = {
  rpc_soak: ["-soak_iterations", "100", "-soak_num_threads", "4"],
  channel_soak: ["-soak_iterations", "20", "-soak_num_threads", "4"],
};

/** A soak fails on errors, not on a busy machine. */
const PATIENCE = [
  "-soak_per_iteration_max_acceptable_latency_ms",
  "60000",
  "-soak_overall_timeout_seconds",
  "60",
];

/** Runs one case in a process of its own; fails with what it said. */
async function run(name: string, port: number, more: readonly string[] = []): Promise<void> {
  const args = ["-server_host", "127.0.0.1", "-server_port", `${port}`, "-test_case", name];
  const command = new Deno.Command(GO_CLIENT, { args: [...args, ...more], stdout: "null" });
  const { success, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

Deno.test({
  name: "interop: grpc-go's client on our server",
  ignore: !await isInstalled(GO_CLIENT),
}, async (t) => {
  await using test = new TestServer({}, { register: addTestService });
  const port = test.listen();
  for (const name of Object.keys(CLIENT_CASES)) await t.step(name, () => run(name, port));
  for (const [name, flags] of Object.entries(SOAKS)) {
    await t.step(name, () => run(name, port, [...flags, ...PATIENCE]));
  }
  assert.deepEqual(test.observer.handlerErrors, []);
});
