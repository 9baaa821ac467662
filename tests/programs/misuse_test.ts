import assert from "node:assert/strict";
import { startServerProcess } from "../../tasks/server_process.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

for (const { name, server, client, missing } of ALL_PROGRAMS) {
  Deno.test(
    { name: `${name}: wrong flags show the usage and exit 2`, ignore: missing },
    async (t) => {
      const cases: [string, "server" | "client", string[], Record<string, string>, RegExp][] = [
        ["unknown flag", "server", ["--prot", "1"], {}, /unknown option '--prot'/],
        ["too large", "server", ["--cache-bytes", "8GiB"], {}, /--cache-bytes.*"8GiB".*4 GiB/],
        ["bad value", "server", ["--port", "http"], {}, /--port.*"http".*0 to 65535/],
        ["bad variable", "server", [], { MODELSERVER_THREADS: "0" }, /MODELSERVER_THREADS.*"0"/],
        [
          "no store",
          "server",
          ["--store", "mysql://a"],
          {},
          /--store: .*"mysql:\/\/a".*sqlite:PATH/,
        ],
        ["bad wait", "server", [], { MODELSERVER_STORE_TTL: "1d" }, /STORE_TTL.*"1d".*seconds/],
        ["stray argument", "server", ["5440"], {}, /argument/],
        ["no target", "client", [], {}, /TARGET/],
        ["bad target", "client", ["somewhere"], {}, /TARGET is "somewhere"/],
        ["seed and file", "client", ["5440", "w.json", "--seed", "1"], {}, /--seed/],
      ];
      for (const [what, which, args, env, message] of cases) {
        await t.step(what, async () => {
          const { code, stdout, stderr } = await run({ server, client }[which], args, env);
          assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
          assert.match(stderr, message);
          assert.match(stderr, /Usage: (server|client)/);
        });
      }
    },
  );

  Deno.test({ name: `${name}: --help and --version exit 0`, ignore: missing }, async () => {
    for (const command of [server, client]) {
      const help = await run(command, ["--help"]);
      assert.equal(help.code, 0);
      assert.match(help.stdout, /^Usage: /);
      const version = await run(command, ["--version"]);
      assert.equal(version.code, 0);
      assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    }
  });

  Deno.test(
    { name: `${name}: a port in use is one line and exit 1`, ignore: missing },
    async (t) => {
      await using running = await startServerProcess(server);
      for (const threads of ["1", "4"]) {
        await t.step(`${threads} threads`, async () => {
          const flags = ["--port", `${running.port}`, "--http-port", "off", "--threads", threads];
          const { code, stdout, stderr } = await run(server, flags);
          assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
          assert.match(
            stderr,
            /^[^\n]*Cannot listen on 0\.0\.0\.0:\d+: the port is in use[^\n]*\n$/,
          );
        });
      }
    },
  );

  Deno.test(
    { name: `${name}: a server that is not there is one line and exit 1`, ignore: missing },
    async (t) => {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      listener.close();
      const workload = new URL("../../workload.json", import.meta.url).pathname;
      for (const args of [[`${port}`], [`${port}`, workload]]) {
        await t.step(args.length === 1 ? "random" : "file", async () => {
          const { code, stdout, stderr } = await run(client, args);
          assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
          assert.match(
            stderr,
            /^client: Cannot connect to 127\.0\.0\.1:\d+: [^\n]*refused[^\n]*\n$/,
          );
        });
      }
    },
  );

  Deno.test({
    name: `${name}: output that cannot be written is one line and exit 1`,
    ignore: missing || Deno.build.os !== "linux",
  }, async () => {
    await using running = await startServerProcess(server);
    const line = '"$@" >/dev/full';
    const { program, args, env = {}, cwd } = client;
    const shell = { program: "/bin/sh", args: ["-c", line, "sh", program, ...args], env };
    const flags = [`${running.port}`, "--requests", "1"];
    const { code, stderr } = await run(cwd === undefined ? shell : { ...shell, cwd }, flags);
    assert.equal(code, 1);
    assert.match(stderr, /^client: Cannot write to standard output: [^\n]*\n$/);
  });

  Deno.test({
    name: `${name}: a peer that speaks no HTTP/2 is one line and exit 1`,
    ignore: missing,
  }, async (t) => {
    const http1 = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
    const cases: [string, (peer: Deno.Conn) => unknown, RegExp][] = [
      ["silent", () => {}, /no HTTP\/2 answer within 4 s/],
      ["HTTP/1.1", (peer) => peer.write(http1), /speaks no HTTP\/2/],
      ["closing", (peer) => peer.close(), /closed|reset/i],
    ];
    for (const [what, answer, message] of cases) {
      await t.step(what, async () => {
        using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const accepted = listener.accept().then(async (peer) => {
          await answer(peer);
          return peer;
        });
        const args = [`${listener.addr.port}`];
        const { code, stdout, stderr } = await run(client, args);
        assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
        assert.match(stderr, /^client: Cannot connect to [^\n]*\n$/);
        assert.match(stderr, message);
        const peer = await accepted;
        if (what !== "closing") peer.close();
      });
    }
  });

  Deno.test(
    { name: `${name}: a wrong workload file exits 2 before any request`, ignore: missing },
    async (t) => {
      await using running = await startServerProcess(server);
      const folder = await Deno.makeTempDir();
      const cases: [string, string | undefined, RegExp][] = [
        ["missing file", undefined, /there is no such file/],
        ["bad JSON", "{", /JSON/],
        ["unknown type", '{"requests":[{"type":"Forget","value":{}}]}', /requests\[0\]/],
        [
          "value that does not fit",
          '{"requests":[{"type":"SetCoefs","value":{"coefs":[1]}},' +
          '{"type":"Predict","value":{"inputs":[1,"x"]}}]}',
          /requests\[1\].*inputs\[1\]/,
        ],
      ];
      for (const [what, text, message] of cases) {
        await t.step(what, async () => {
          const file = `${folder}/${what.replaceAll(" ", "_")}.json`;
          if (text !== undefined) await Deno.writeTextFile(file, text);
          const { code, stdout, stderr } = await run(client, [`${running.port}`, file]);
          assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
          assert.match(stderr, message);
          assert.ok(stderr.includes(file), stderr);
        });
      }
      await Deno.remove(folder, { recursive: true });
    },
  );
}
