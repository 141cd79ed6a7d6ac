/**
 * Memory in which replies are put together, used again once they are sent: memory that is new for every reply costs more
 * than half the speed of a server, as the system has to clear each page of it and the collector to take it back.
 */

/** Bytes of a piece. A small one for what is short, so that a client that does not take it holds little. */
const SMALL = 16 * 1024;
/** Has room for the reads of 256 KiB that copying clients like, with a header. */
const LARGE = 260 * 1024;
/** How many of each are kept. */
const MOST_KEPT = 64;

export class ReplyRoom {
  readonly #small: Uint8Array[] = [];
  readonly #large: Uint8Array[] = [];

  /** At least so many bytes, with anything in them. */
  readonly take = (length: number): Uint8Array => {
    if (length > LARGE) return Buffer.allocUnsafeSlow(length);
    if (length > SMALL / 4) return this.#large.pop() ?? Buffer.allocUnsafeSlow(LARGE);
    return this.#small.pop() ?? Buffer.allocUnsafeSlow(SMALL);
  };

  /** What {@link take} gave, or its beginning: nobody uses it any more. */
  give(piece: Uint8Array): void {
    const { byteLength } = piece.buffer;
    const kept = byteLength === SMALL ? this.#small : byteLength === LARGE ? this.#large : null;
    if (kept !== null && kept.length < MOST_KEPT) kept.push(new Uint8Array(piece.buffer));
  }
}
