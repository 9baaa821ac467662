/**
 * How one kind of message becomes bytes and comes back.
 *
 * An instance belongs to one thread. `decode` may return an object that the codec uses again for the
 * next message when it says so: such a codec is for handlers that answer at once.
 */
export interface Codec<Message> {
  /**
   * Reads the message in `bytes[start, end)`, which are valid only during the call; those of a request
   * that is one message, until its handler has returned too, if only a promise.
   *
   * @throws {Error} of any kind when the bytes are no such message; the call then ends INTERNAL.
   */
  decode(bytes: Uint8Array, start: number, end: number): Message;
  /** An upper bound on what `encode` will write, in bytes. */
  encodedBytesMax(message: Message): number;
  /** Writes the message at `offset`, where `encodedBytesMax` bytes are free; returns the end offset. */
  encode(message: Message, bytes: Uint8Array, offset: number): number;
}
