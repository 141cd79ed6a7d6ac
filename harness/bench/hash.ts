/** The SHA-256 of a sparse bitmap against QEMU's x-debug-block-dirty-bitmap-sha256 of the same bitmap. */
import { sha256 } from '../../spec/bitmap/serialise.js';
import { nodeSha256 } from '../../spec/host/sha256.js';
import { isJsonObject, jsonObject } from '../../spec/json/value.js';
import { Interrupted } from '../case/run/guard.js';
import type { TargetChoice } from '../target/parse.js';
import type { Reply, Session } from '../target/target.js';
import { alternate, repeating, timed } from './alternate.js';
import { type BenchContext, type Comparison, comparison, type Section } from './bench.js';
import { type Geometry, makeBitmap, scattered } from './subject.js';

const LIMIT_MS = 60_000;
const NODE = 'disk';
const BITMAP = jsonObject({ node: NODE, name: 'b' });

export async function hashSection(geometries: readonly Geometry[], context: BenchContext): Promise<Section> {
  // One QEMU is enough: the two share their block layer.
  const choice = context.qemus.find(({ kind }) => kind === 'qsd') ?? context.qemus[0]!;
  const rows: Comparison[] = [];
  for (const geometry of geometries) rows.push(await rowOf(geometry, choice, context));
  return {
    title: `bitmap: the hash of a sparse bitmap on ${choice.name} and by the specification, which agree`,
    sides: [choice.name, 'bitmap'],
    rows,
    measured:
      'one x-debug-block-dirty-bitmap-sha256 on a null-co node in whose bitmap the same granules are dirty, and one ' +
      "hash by the specification with Node's SHA-256.",
    why:
      'both hash every byte, so it is the SHA-256 of one cryptographic library against that of another; the ' +
      "specification passes all pages that are not there as one page of zeros, which stays in the processor's cache.",
  };
}

async function rowOf(geometry: Geometry, choice: TargetChoice, context: BenchContext): Promise<Comparison> {
  const target = choice.create();
  try {
    const session = await target.begin({
      id: 'bench',
      format: 'raw',
      limitMs: LIMIT_MS,
      volatileNodes: new Set(),
    });
    await makeOnQemu(session, geometry, context.signal);
    const bitmap = makeBitmap(geometry, 'sparse');
    const [theirs, ours] = [await hashOnQemu(session), sha256(bitmap, nodeSha256)];
    if (theirs !== ours)
      throw new Error(`the hash of ${geometry.name} is ${ours}, on ${choice.name} ${theirs}`);
    const pairs = await alternate(
      timed(() => hashOnQemu(session)),
      repeating(() => sha256(bitmap, nodeSha256)),
      { warmUps: 1, pairs: context.quick ? 3 : 9 },
      context.signal,
    );
    return comparison(geometry.name, pairs);
  } finally {
    await target.close();
  }
}

/** The bitmap of {@link makeBitmap}, sparse, written granule by granule by a guest. */
async function makeOnQemu(session: Session, geometry: Geometry, signal: AbortSignal): Promise<void> {
  const { size, granularity } = geometry;
  expectDone(await session.open(NODE, { size, driver: 'null-co' }));
  expectDone(await session.qmp('block-dirty-bitmap-add', jsonObject({ ...BITMAP, granularity })));
  for (const granule of scattered(geometry)) {
    if (signal.aborted) throw new Interrupted();
    const outcome = await session.io(NODE, {
      op: 'write',
      offset: granule * granularity,
      length: 512,
      pattern: 1,
    });
    if (!('ok' in outcome)) throw new Error(`a write to granule ${granule}: ${JSON.stringify(outcome)}`);
  }
}

async function hashOnQemu(session: Session): Promise<string> {
  const result = expectDone(await session.qmp('x-debug-block-dirty-bitmap-sha256', BITMAP));
  return isJsonObject(result) ? String(result.sha256) : '';
}

function expectDone(reply: Reply) {
  if ('return' in reply) return reply.return;
  throw new Error(`QEMU refuses: ${reply.error.desc}`);
}
