import assert from "node:assert/strict";
import { BodyBudget } from "../../lib/http/body_budget.ts";
import { holdAnswer } from "../../lib/http/held_answer.ts";
import { mayUseNet } from "./test_http.ts";

const BYTES = 8_000_000;
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: test\r\n\r\n");

/** Serves one long answer at a time. */
function serve(stalledMs?: number) {
  const budget = new BodyBudget(BYTES);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async () => {
    const answer = new Response(new Uint8Array(BYTES), { status: 201 });
    return await holdAnswer(answer, budget, stalledMs).catch(() =>
      new Response("", { status: 503 })
    );
  });
  const connect = async () => {
    const connection = await Deno.connect({ port: server.addr.port });
    await connection.write(REQUEST);
    // No more than the head: from then on the answer is held, and nobody else is given its room.
    const head = new Uint8Array(16);
    await connection.read(head);
    assert.match(new TextDecoder().decode(head), /^HTTP\/1\.1 201/);
    return connection;
  };
  const status = async () => {
    const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
    assert.equal((await response.bytes()).length, response.ok ? BYTES : 0);
    return response.status;
  };
  return { server, connect, status };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("holdAnswer() sends a short answer as it is", async () => {
  const answer = await holdAnswer(new Response("short", { status: 202 }), new BodyBudget(0));
  assert.equal(answer.status, 202);
  assert.equal(await answer.text(), "short");
});

Deno.test({
  name: "holdAnswer() has room again once an answer is taken, or nobody is there to take it",
  ignore: !mayUseNet,
}, async () => {
  const { server, connect, status } = serve();
  for (let round = 0; round < 3; round++) assert.equal(await status(), 201);
  const connection = await connect();
  await until(async () => await status() === 503);
  connection.close();
  await until(async () => await status() === 201);
  await server.shutdown();
});

Deno.test({
  name: "holdAnswer() sends no more to who takes nothing",
  ignore: !mayUseNet,
}, async () => {
  const { server, connect, status } = serve(200);
  const connection = await connect();
  await until(async () => await status() === 503);
  await until(async () => await status() === 201);
  connection.close();
  await server.shutdown();
});
