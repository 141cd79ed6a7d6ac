/**
 * What a case puts into a file: a text, bytes, or a length. In a text a name in capitals may stand for a piece that is
 * long or that no text can hold, so that a case stays readable: spec/qbm/FORMAT.md has limits of a mebibyte.
 */

/** What a name in a text stands for. */
export type Piece =
  /** repeated; a `#` in it is the number of the repetition, from 1 */
  { readonly text: string; readonly times: number } | { readonly hex: string };

export type FileContent =
  | { readonly kind: 'text'; readonly text: string; readonly pieces: readonly (readonly [string, Piece])[] }
  /** two lower-case digits a byte, with spaces between; may be empty */
  | { readonly kind: 'hex'; readonly hex: string }
  /** so many zero bytes */
  | { readonly kind: 'size'; readonly size: number }
  | { readonly kind: 'fill'; readonly byte: number; readonly size: number };

/** More than this, in bytes, is given as a size only: a case is to be sent to an adapter, too. */
export const MAX_WRITTEN = 4 * 2 ** 20;

/** The bytes of the file, or how many zeros it has. */
export function bytesOf(content: FileContent): Uint8Array | number {
  switch (content.kind) {
    case 'size':
      return content.size;
    case 'fill':
      return new Uint8Array(content.size).fill(content.byte);
    case 'hex':
      return fromHex(content.hex);
    case 'text':
      return textBytes(content.text, new Map(content.pieces));
  }
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(
    hex.match(/../g) === null ? [] : hex.split(' ').map((byte) => Number.parseInt(byte, 16)),
  );
}

function textBytes(text: string, pieces: ReadonlyMap<string, Piece>): Uint8Array {
  if (pieces.size === 0) return Buffer.from(text);
  const names = [...pieces.keys()].sort((a, b) => b.length - a.length);
  const parts = text.split(new RegExp(`(${names.join('|')})`)).map((part) => {
    const piece = pieces.get(part);
    return piece === undefined ? Buffer.from(part) : pieceBytes(piece);
  });
  return Buffer.concat(parts);
}

function pieceBytes(piece: Piece): Uint8Array {
  if ('hex' in piece) return fromHex(piece.hex);
  const { text, times } = piece;
  if (!text.includes('#')) return Buffer.from(text.repeat(times));
  return Buffer.from(Array.from({ length: times }, (_, i) => text.replaceAll('#', String(i + 1))).join(''));
}
