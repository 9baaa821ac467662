import assert from "node:assert/strict";
import { Code } from "../../lib/grpc/status.ts";
import { ThreadObserver } from "../../lib/services/thread_observer.ts";
import { Counters } from "../../lib/serving/counters.ts";
import type { ThreadReport } from "../../lib/serving/thread_protocol.ts";

Deno.test("ThreadObserver counts connections and calls, and reports bugs", () => {
  const memory = Counters.allocate(2);
  const reports: ThreadReport[] = [];
  const observer = new ThreadObserver(new Counters(memory, 1), (report) => reports.push(report));
  observer.onConnectionStart();
  observer.onConnectionStart();
  observer.onConnectionEnd(undefined);
  observer.onConnectionEnd(new Error("reset"));
  for (const code of [Code.OK, Code.OK, Code.CANCELLED]) {
    observer.onCallStart();
    observer.onCallEnd(code);
  }
  const bug = new Error("a bug");
  observer.onHandlerError("/S/M", bug);
  observer.onHandlerError("/S/M", "text");
  const sums = Counters.sums(memory);
  assert.deepEqual(
    [sums.connectionsOpened, sums.connectionsClosed, sums.connectionErrors],
    [2, 2, 1],
  );
  assert.deepEqual([sums.callsStarted, sums.callsOk, sums.callsFailed], [3, 2, 1]);
  assert.deepEqual(reports, [
    { type: "handlerError", path: "/S/M", error: bug.stack },
    { type: "handlerError", path: "/S/M", error: "text" },
  ]);
});

Deno.test("ThreadObserver counts invocations and failures of the store, and reports when it fails and works", () => {
  const memory = Counters.allocate(1);
  const reports: ThreadReport[] = [];
  let nowMs = 5;
  const report = (message: ThreadReport) => reports.push(message);
  const observer = new ThreadObserver(new Counters(memory, 0), report, () => nowMs);
  observer.onInvocationOk();
  observer.onStoreAnswered();
  for (const reason of ["full", "still full"]) {
    observer.onStoreFailed(reason);
    observer.onInvocationFailed();
  }
  observer.onStoreAnswered();
  observer.onStoreAnswered();
  // Whatever comes and goes in between is counted alone.
  nowMs += 9_999;
  observer.onStoreFailed("down");
  observer.onStoreAnswered();
  nowMs += 1;
  observer.onStoreFailed("down still");
  const { invocationsOk, invocationsFailed, storeFailures } = Counters.sums(memory);
  assert.deepEqual([invocationsOk, invocationsFailed, storeFailures], [1, 2, 4]);
  assert.deepEqual(reports, [
    { type: "storeFails", reason: "full" },
    { type: "storeWorks" },
    { type: "storeFails", reason: "down still" },
  ]);
});
