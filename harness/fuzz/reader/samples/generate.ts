/** Images that are right, of any size, with bitmaps of any kind, and others inside them: what mutations begin with. */
import { createHash } from 'node:crypto';
import type { Random } from './random.js';
import { bytesOfText, type Content, type Sample, sizeOf } from './sample.js';

const GRANULARITIES = [512, 1024, 4096, 65536, 2 ** 20, 2 ** 30, 2 ** 31];
/** Bits of one bitmap, so that a sample stays small. */
const MAX_BITS = 4000;

/** A right image. */
export function generated(random: Random): Sample {
  const files = new Map<string, Content>();
  const size = sizeFor(random);
  new Generator(random, files).image('disk.qbm', size, random.oneIn(4) ? 1 + random.below(3) : 0);
  return { files, open: 'disk.qbm', trust: random.oneIn(6) ? 'local' : 'stranger' };
}

function sizeFor(random: Random): number {
  const granularity = random.pick(GRANULARITIES);
  const granules = random.pick([0, 1, 2, 7, 8, 9, 10, 15, 16, 17, 63, 64, 65, 100, 1000]);
  const around = random.pick([0, 0, 0, -1, 1, -512, 512, 511]);
  return Math.max(0, granularity * granules + around);
}

type Members = (readonly [name: string, text: string])[];

class Generator {
  readonly #random: Random;
  readonly #files: Map<string, Content>;
  #count = 0;

  constructor(random: Random, files: Map<string, Content>) {
    this.#random = random;
    this.#files = files;
  }

  /** @param levels of images within */
  image(name: string, size: number, levels: number): void {
    const random = this.#random;
    const marker = random.oneIn(5) ? random.pick(['writeback', 'writethrough'] as const) : null;
    const count = random.pick([0, 1, 1, 2, 3, 6]);
    const allocation = random.oneIn(3) ? random.below(count + 1) : -1;
    const bitmaps: Members = [];
    for (let i = 0; i < count; i++) {
      const bitmap = random.pick(['b', 'é', 'a b', '../x', '%', 'B']) + i;
      bitmaps.push([bitmap, this.#bitmap(size, i === allocation ? levels : null, marker)]);
    }
    const members: Members = [
      ['version', '1'],
      ['image', this.#reference(size, levels)],
      ['bitmaps', this.#object(bitmaps)],
      ...this.#soft(),
    ];
    if (marker !== null)
      members.push([
        'ext-hard-qbm-in-use',
        this.#object([
          ['policy', `"${marker}"`],
          ['writer', '"w"'],
        ]),
      ]);
    this.#files.set(name, bytesOfText(this.#object([['QBM', this.#object(members)]])));
    if (random.oneIn(20)) this.#files.set(`${name}.new`, random.bytes(3));
  }

  /** @param levels of the backing file; null: no allocation bitmap */
  #bitmap(size: number, levels: number | null, marker: string | null): string {
    const random = this.#random;
    const small = GRANULARITIES.filter((one) => size / one <= MAX_BITS);
    const granularity = random.pick(small.length > 0 ? small : [2 ** 31]);
    const members: Members = [];
    const isInconsistent = levels === null && random.oneIn(6);
    const bits = Math.min(Math.ceil(size / granularity), 8 * MAX_BITS);
    const bytes = random.oneIn(3) ? new Uint8Array(Math.ceil(bits / 8)) : random.bytes(Math.ceil(bits / 8));
    if (bits % 8 !== 0) bytes[bytes.length - 1]! &= (1 << (bits % 8)) - 1;
    const file = this.#file(
      marker !== null && random.oneIn(3) ? Buffer.concat([bytes, random.bytes(2)]) : bytes,
    );
    members.push(['file', JSON.stringify(file)], ['granularity-bytes', String(granularity)]);
    members.push(['type', levels === null ? '"dirty"' : '"allocation"']);
    if (levels !== null && random.oneIn(2)) {
      const base = random.pick([size, 0, size + 512, Math.floor(size / 2)]);
      members.push(['backing', this.#reference(base, levels)]);
    }
    if (isInconsistent) members.push(['ext-hard-qbm-inconsistent', 'true']);
    if (isInconsistent && random.oneIn(2)) this.#files.delete(file);
    if (levels === null && random.oneIn(4))
      members.push(['ext-soft-qbm-recording', random.pick(['true', 'false'])]);
    if (random.oneIn(5)) members.push(this.#checksum(file));
    return this.#object([...members, ...this.#soft()]);
  }

  #reference(size: number, levels: number): string {
    const random = this.#random;
    const isNested = levels > 0 && !random.oneIn(3);
    const file = isNested
      ? this.#within(size, levels - 1)
      : this.#file(size <= 4096 && random.oneIn(3) ? random.bytes(size) : size);
    const members: Members = [
      ['file', JSON.stringify(file)],
      ['format', isNested ? '"qbm"' : '"raw"'],
    ];
    if (random.oneIn(8)) members.push(this.#checksum(file));
    return this.#object([...members, ...this.#soft()]);
  }

  /** An image in a directory of its own: names are relative to the descriptor, and must not meet. */
  #within(size: number, levels: number): string {
    const files = new Map<string, Content>();
    new Generator(this.#random, files).image('x.qbm', size, levels);
    const directory = `n${++this.#count}/`;
    for (const [name, content] of files) this.#files.set(directory + name, content);
    return `${directory}x.qbm`;
  }

  #place(): string {
    return this.#random.oneIn(8) ? 'sub/' : '';
  }

  #file(content: Content): string {
    const name = `${this.#place()}f${++this.#count}`;
    this.#files.set(name, content);
    return name;
  }

  /** Right, if the file is small. */
  #checksum(file: string): readonly [string, string] {
    const content = this.#files.get(file);
    const isSmall = content !== undefined && sizeOf(content) <= 65536;
    const bytes =
      typeof content === 'number' ? new Uint8Array(isSmall ? content : 0) : (content ?? new Uint8Array());
    return ['ext-soft-qbm-checksum', `"sha256:${createHash('sha256').update(bytes).digest('hex')}"`];
  }

  #soft(): Members {
    if (!this.#random.oneIn(10)) return [];
    return [
      [`ext-soft-x${this.#random.below(3)}`, this.#random.pick(['1', 'null', '[1.50, {"a": {}}]', '"é"'])],
    ];
  }

  /** In any order, with any white space. */
  #object(members: Members): string {
    const random = this.#random;
    const all = [...members];
    if (random.oneIn(3)) for (let i = all.length - 1; i > 0; i--) all.push(...all.splice(random.below(i), 1));
    const space = random.pick(['', '', ' ', '\n  ']);
    return `{${space}${all.map(([name, value]) => `${JSON.stringify(name)}:${space}${value}`).join(`,${space}`)}${space}}`;
  }
}
