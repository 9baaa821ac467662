import type { StoreObserver } from "../../lib/invocation/invocations.ts";
import type { InvocationObserver } from "../../lib/services/invocation_service.ts";

/** Remembers what it is told. */
export class RecordingObserver implements StoreObserver, InvocationObserver {
  readonly told: string[] = [];

  onStoreAnswered(): void {
    this.told.push("answered");
  }

  onStoreFailed(reason: string): void {
    this.told.push(`failed: ${reason}`);
  }

  onInvocationOk(): void {
    this.told.push("ok");
  }

  onInvocationFailed(): void {
    this.told.push("error");
  }
}
