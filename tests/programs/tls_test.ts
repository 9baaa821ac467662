import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { certificatePath, certificateText } from "../support/certificates.ts";
import { LogLines } from "./log_lines.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

const WORKLOAD = new URL("../../workload.json", import.meta.url).pathname;

const flagsOf = (name: string) => [
  "--tls-cert",
  certificatePath(`${name}.pem`),
  "--tls-key",
  certificatePath(`${name}.key`),
];

const TRUSTED = ["--tls", "--ca", certificatePath("authority.pem")];

/** A folder with a key pair that can be exchanged, as a certificate's renewal does. */
function rotatingKeyPair() {
  const folder = Deno.makeTempDirSync();
  const [certFile, keyFile] = [`${folder}/tls.crt`, `${folder}/tls.key`];
  return {
    flags: ["--tls-cert", certFile, "--tls-key", keyFile],
    use(name: string): void {
      Deno.copyFileSync(certificatePath(`${name}.pem`), certFile);
      Deno.copyFileSync(certificatePath(`${name}.key`), keyFile);
    },
    spoil: () => Deno.writeTextFileSync(keyFile, "no key"),
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function openClient(port: number, authority: string) {
  const tls = { caCerts: [certificateText(authority)] };
  const channel = openChannel({ hostname: "127.0.0.1", port, tls });
  const client = new ModelServerClient(channel);
  return { channel, client, [Symbol.dispose]: () => channel.close() };
}

for (const { name, server, client, missing } of ALL_PROGRAMS) {
  Deno.test({ name: `${name}: both workloads run over TLS`, ignore: missing }, async () => {
    await using running = await startServerProcess(server, flagsOf("first"));
    const file = await run(client, [`${running.port}`, WORKLOAD, ...TRUSTED]);
    assert.deepEqual({ code: file.code, stderr: file.stderr }, { code: 0, stderr: "" });
    assert.match(file.stdout, /output: 14\ncache_hit: true/);
    const random = await run(client, [`localhost:${running.port}`, "--requests", "20", ...TRUSTED]);
    assert.deepEqual({ code: random.code, stderr: random.stderr }, { code: 0, stderr: "" });
    assert.ok(JSON.parse(random.stdout).p50_response_time > 0);
  });

  Deno.test({
    name: `${name}: a TLS connection that cannot be is one line and exit 1`,
    ignore: missing,
  }, async (t) => {
    await using trusted = await startServerProcess(server, flagsOf("first"));
    await using elsewhere = await startServerProcess(server, flagsOf("elsewhere"));
    await using expired = await startServerProcess(server, flagsOf("expired"));
    await using plain = await startServerProcess(server);
    const cases: [what: string, port: number, flags: string[], RegExp][] = [
      ["untrusted", trusted.port, ["--tls"], /of no trusted authority/],
      ["wrong name", elsewhere.port, TRUSTED, /is for another name/],
      ["expired", expired.port, TRUSTED, /has expired/],
      ["a server without TLS", plain.port, TRUSTED, /it speaks no TLS/],
      ["a client without TLS", trusted.port, [], /the peer speaks TLS/],
    ];
    for (const [what, port, flags, message] of cases) {
      for (const workload of [[], [WORKLOAD]]) {
        await t.step(`${what}, ${workload.length === 0 ? "random" : "file"}`, async () => {
          const args = [`${port}`, ...workload, ...flags];
          const { code, stdout, stderr } = await run(client, args);
          assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
          assert.match(stderr, /^client: Cannot connect to 127\.0\.0\.1:\d+: [^\n]*\n$/);
          assert.match(stderr, message);
        });
      }
    }
    expired.child.kill("SIGTERM");
    assert.match(await expired.log, /"the certificate has expired"/);
  });

  Deno.test({
    name: `${name}: a file that cannot be used is one line and exit 2`,
    ignore: missing,
  }, async (t) => {
    const cert = certificatePath("first.pem");
    const none = "/nowhere/file";
    const both = (certFile: string, keyFile: string) => [
      "--tls-cert",
      certFile,
      "--tls-key",
      keyFile,
    ];
    const cases: [what: string, "server" | "client", string[], RegExp][] = [
      [
        "no certificate",
        "server",
        both(none, none),
        /Cannot use --tls-cert \/nowhere\/file: there/,
      ],
      [
        "mismatch",
        "server",
        both(cert, certificatePath("second.key")),
        /Cannot use --tls-key \S*second\.key: it is not the key of the certificate in \S*first\.pem/,
      ],
      [
        "no tokens",
        "server",
        ["--auth-token-file", none],
        /Cannot use --auth-token-file \/nowhere/,
      ],
      ["no authorities", "client", ["5440", "--tls", "--ca", none], /Cannot use --ca \/nowhere/],
      ["no token", "client", ["5440", "--token-file", none], /Cannot use --token-file \/nowhere/],
    ];
    for (const [what, which, args, message] of cases) {
      await t.step(what, async () => {
        const { code, stdout, stderr } = await run({ server, client }[which], args);
        assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
        assert.match(stderr, message);
        assert.match(stderr, /^[^\n]+\n$/);
      });
    }
    const alone = await run(server, ["--tls-cert", cert]);
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /--tls-cert is given, and --tls-key is not\nUsage: /);
  });

  for (const threads of ["1", "4"]) {
    Deno.test({
      name: `${name}: SIGHUP changes the certificate under open connections, ${threads} threads`,
      ignore: missing,
    }, async () => {
      using keyPair = rotatingKeyPair();
      keyPair.use("first");
      const flags = [...keyPair.flags, "--threads", threads];
      await using running = await startServerProcess(server, flags);
      const log = new LogLines(running.logLines);
      using before = openClient(running.port, "authority.pem");
      await before.client.setCoefs([2]);
      const first = (await log.next("credentials loaded")).fingerprint;

      keyPair.use("second");
      running.child.kill("SIGHUP");
      assert.notEqual((await log.next("reloaded")).fingerprint, first);
      for (let i = 0; i < 8; i++) {
        using after = openClient(running.port, "other_authority.pem");
        assert.equal((await after.client.predict([3])).output, 6);
        using old = openClient(running.port, "authority.pem");
        await assert.rejects(old.channel.connect(), /no trusted authority/);
      }
      assert.equal((await before.client.predict([4])).output, 8);

      keyPair.spoil();
      running.child.kill("SIGHUP");
      const problem = await log.next("old credentials stay in use");
      assert.equal(problem.level, "error");
      assert.match(`${problem.message}`, /^Cannot use --tls-key .*no private key in PEM/);
      using still = openClient(running.port, "other_authority.pem");
      assert.equal((await still.client.predict([5])).output, 10);
    });
  }

  Deno.test({ name: `${name}: SIGHUP without TLS is a log line`, ignore: missing }, async () => {
    await using running = await startServerProcess(server, ["--host", "127.0.0.1"]);
    const log = new LogLines(running.logLines);
    running.child.kill("SIGHUP");
    assert.equal((await log.next("nothing to reload")).level, "info");
    const { code } = await run(client, [`${running.port}`, WORKLOAD]);
    assert.equal(code, 0);
  });

  Deno.test({
    name: `${name}: plain text where others can read it is one warning`,
    ignore: missing,
  }, async (t) => {
    using keyPair = rotatingKeyPair();
    keyPair.use("first");
    const cases: [what: string, flags: string[], warnings: number][] = [
      ["any address", [], 1],
      ["loopback", ["--host", "127.0.0.1"], 0],
      ["TLS", keyPair.flags, 0],
    ];
    for (const [what, flags, warnings] of cases) {
      await t.step(what, async () => {
        const running = await startServerProcess(server, flags);
        await running[Symbol.asyncDispose]();
        const found = (await running.log).split("\n").filter((line) => line.includes('"warning"'));
        assert.equal(found.length, warnings, `${found}`);
        for (const line of found) assert.match(line, /serving without TLS/);
      });
    }
  });
}
