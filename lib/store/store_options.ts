/** How safe a save is when SQLite says that it is done. */
export type StoreSync =
  /** On the disk: it outlives a power failure. */
  | "full"
  /** With the kernel: it outlives the server; a power failure may take the last ones, whole and in order. */
  | "normal";

/** How a store keeps runs. */
export interface StoreOptions {
  readonly sync: StoreSync;
  /** After which a run is told no more, an integer from 1; undefined for never. */
  readonly ttlMs: number | undefined;
  /** With more runs the oldest are removed; undefined for as many as there is room for. */
  readonly rowsMax: number | undefined;
  /** Within which a call is answered, or fails; an integer from 1. */
  readonly timeoutMs: number;
}
