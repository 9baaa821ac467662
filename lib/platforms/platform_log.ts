/** How much an entry matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a platform or a model says to the operator. */
export interface PlatformLogEntry {
  readonly level: LogLevel;
  readonly model: string;
  readonly version: string;
  readonly message: string;
  /** What else a script says, as JSON has it; at most what limits.ts allows. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Where a platform's log entries go; a thread of the server would post them to its supervisor. */
export type PlatformLog = (entry: PlatformLogEntry) => void;
