/** A file as its source gives it. */
export interface SourceFile {
  /** Changes with the content; undefined where nothing tells. */
  readonly validator: string | undefined;
  /** Its length, as announced; undefined where it is not. */
  readonly bytes: number | undefined;
  /** Has to be read to its end or cancelled. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Where one file comes from. */
export interface FileSource {
  /**
   * Asks for the file.
   *
   * @param known the validator of the content that is there already; undefined for none
   * @param signal gives it up, the body's reading too; its reason is thrown
   * @throws {OperationError} naming the address and what it answered
   */
  open(known: string | undefined, signal: AbortSignal): Promise<SourceFile | "unchanged">;
}
