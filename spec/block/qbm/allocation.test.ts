/** Reading, writing and growing over a backing file, against an array of bytes. */
import fc from 'fast-check';
import t from 'tap';
import { files, Image } from './image-for-tests.js';

/** What a guest sees, as simply as can be. */
class Model {
  bytes: Uint8Array;
  readonly #base: Uint8Array;
  readonly #cluster: number;
  /** of each byte, whether its granule was written to */
  #own: boolean[];

  constructor(size: number, base: Uint8Array, cluster: number) {
    this.#base = base;
    this.#cluster = cluster;
    this.bytes = new Uint8Array(size);
    this.bytes.set(base.subarray(0, size));
    this.#own = new Array<boolean>(size).fill(false);
  }

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.bytes.set(bytes, offset);
    const start = Math.floor(offset / this.#cluster) * this.#cluster;
    const end = Math.ceil((offset + bytes.length) / this.#cluster) * this.#cluster;
    this.#own.fill(true, start, end);
  }

  discard(offset: number, length: number): void {
    for (let at = offset; at < offset + length; at++) if (this.#own[at]) this.bytes[at] = 0;
  }

  resize(size: number): void {
    const old = this.bytes.length;
    const next = new Uint8Array(size);
    next.set(this.bytes.subarray(0, size));
    const own = Array.from({ length: size }, (_, at) => this.#own[at] ?? false);
    // What the backing file has beyond the old end does not show: these granules are the image's own.
    const shown = Math.min(this.#base.length, size);
    if (shown > old) {
      const start = Math.floor(old / this.#cluster) * this.#cluster;
      own.fill(true, start, Math.ceil(shown / this.#cluster) * this.#cluster);
    }
    // Once a granule is its own all of it is, also what comes with growing.
    if (size > old && old % this.#cluster !== 0 && own[old - 1]) {
      own.fill(true, old, Math.min(size, Math.ceil(old / this.#cluster) * this.#cluster));
    }
    this.bytes = next;
    this.#own = own;
  }
}

const place = (max: number) => fc.record({ offset: fc.nat({ max }), length: fc.nat({ max: 3000 }) });
const request = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('write' as const),
      at: place(14000),
      fill: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constantFrom('zero' as const, 'discard' as const), at: place(14000) }),
  },
  { weight: 1, arbitrary: fc.constant({ op: 'flush' as const }) },
  { weight: 1, arbitrary: fc.constant({ op: 'reopen' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('resize' as const), sectors: fc.integer({ min: 0, max: 30 }) }),
  },
);

t.test('QBM-022, QBM-037: an overlay of any size over a backing file of any size', (t) => {
  const shape = fc.record({
    cluster: fc.constantFrom(512, 1024, 4096),
    sectors: fc.integer({ min: 0, max: 26 }),
    base: fc.nat({ max: 15000 }),
    policy: fc.constantFrom('writeback', 'writethrough'),
    requests: fc.array(request, { maxLength: 14 }),
  });
  fc.assert(
    fc.property(shape, ({ cluster, sectors, base, policy, requests }) => {
      const below = Uint8Array.from({ length: base }, (_, index) => 1 + ((index * 7) % 250));
      const storage = files({ size: sectors * 512, overlay: { cluster, base: below } });
      const model = new Model(sectors * 512, below, cluster);
      let image = new Image(storage).open({ policy });
      for (const step of requests) {
        if (step.op === 'reopen') {
          image.close();
          image = new Image(storage).open({ policy });
        } else if (step.op === 'flush') image.flush();
        else if (step.op === 'resize') {
          image.resize(step.sectors * 512);
          model.resize(step.sectors * 512);
        } else {
          const offset = Math.min(step.at.offset, model.bytes.length);
          const length = Math.min(step.at.length, model.bytes.length - offset);
          const bytes = new Uint8Array(length).fill(step.op === 'write' ? step.fill : 0);
          if (step.op === 'discard') model.discard(offset, length);
          else model.write(offset, bytes);
          image.io(step.op === 'write' ? { op: 'write', offset, bytes } : { op: step.op, offset, length });
        }
        const found = image.read(0, image.node.size);
        if (Buffer.compare(found, model.bytes) === 0) continue;
        const wrong = found.findIndex((byte, at) => byte !== model.bytes[at]);
        throw new Error(`after ${step.op}: byte ${wrong} is ${found[wrong]}, not ${model.bytes[wrong]}`);
      }
      image.close();
    }),
    { seed: 22, numRuns: 400 },
  );
  t.pass();
  t.end();
});

t.test('QBM-022: the backing file is never written, and a granule is copied up once', (t) => {
  const base = new Uint8Array(20000).fill(3);
  const storage = files({ size: 16384, overlay: { cluster: 4096, base } });
  const image = new Image(storage).open();
  image.write(5000, 10);
  t.same(
    image.read(4990, 30),
    new Uint8Array([...Array(10).fill(3), ...Array(10).fill(0x55), ...Array(10).fill(3)]),
  );
  t.same([...new Set(image.read(8192, 4096))], [3], 'a granule that nobody wrote to');
  image.close();
  const again = new Image(storage).open({ 'read-only': true });
  t.equal(again.read(5000, 1)[0], 0x55);
  t.equal(again.read(4096, 1)[0], 3);
  again.close();
  const data = storage.open('disk.data');
  const bytes = new Uint8Array(4096);
  data.read(8192, bytes);
  t.notOk(
    bytes.some((byte) => byte !== 0),
    'nothing else was copied',
  );
  t.end();
});
