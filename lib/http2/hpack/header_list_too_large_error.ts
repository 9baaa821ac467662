/**
 * A well-formed header block stands for more than the receiver accepts.
 *
 * The whole block was decoded, so both ends' tables still agree and the connection goes on: the stream
 * alone is answered. Source: RFC 9113 §10.5.1.
 */
export class HeaderListTooLargeError extends Error {
  override readonly name = "HeaderListTooLargeError";
  /** The size of the whole list, each field counted as name + value + 32. Source: RFC 7541 §4.1. */
  readonly listBytes: number;

  constructor(listBytes: number, listBytesMax: number) {
    super(`Cannot accept header list: ${listBytes} bytes, at most ${listBytesMax}`);
    this.listBytes = listBytes;
  }
}
