/** `qbm daemon` as an NBD server beside QEMU's and nbdkit's, which serve the same bytes. spec/nbd/MEASUREMENTS.md. */
import { join } from 'node:path';
import { runProgram } from '../../target/img/tools.js';
import { ScratchDirectory } from '../../target/process.js';
import { inTurn, type Measure, pairsOf, timed } from '../alternate.js';
import {
  type Bar,
  type Bench,
  type BenchContext,
  type Comparison,
  comparison,
  type Section,
} from '../bench.js';
import { makeDisk } from './disk.js';
import { DEPTH, RandomReads } from './random-reads.js';
import { DISK, LIMIT_MS, missingPrograms, type Server, startServer } from './servers.js';

const MIB = 2 ** 20;
const OURS = 'qbm daemon';
/** Twice: how far two equal servers differ. */
const SERVERS = [OURS, 'qemu-nbd', 'nbdkit memory', 'qemu-nbd'] as const;
const OTHERS = [
  { at: 1, name: 'qemu-nbd' },
  { at: 2, name: 'nbdkit memory' },
];
/** As a share of the speed of qemu-nbd. */
const SEQUENTIAL: Bar = { at: 'least', value: 0.8 };
const RANDOM: Bar = { at: 'least', value: 1 };
/** An odd number of blocks: the stride of qemu-img bench, which does not choose at random. */
const STRIDE_BLOCKS = 8193;

interface Work {
  readonly title: string;
  readonly bar: Bar;
  readonly measure: (server: Server) => Measure;
}

export const nbdBench: Bench = {
  name: 'nbd',
  summary: 'the NBD server of qbm daemon against those of QEMU and nbdkit, for the same bytes',
  missing: missingPrograms,
  async *run(context) {
    if (missingPrograms().length === 0) yield await measure(context);
  },
};

async function measure(context: BenchContext): Promise<Section> {
  const size = (context.quick ? 64 : 512) * MIB;
  const reads = context.quick ? 5_000 : 40_000;
  const scratch = new ScratchDirectory();
  const servers: Server[] = [];
  const clients = new Map<Server, RandomReads>();
  try {
    makeDisk(join(scratch.path, DISK), size);
    for (const [index, name] of SERVERS.entries()) {
      servers.push(await startServer(name, scratch.path, `s${index}`, size));
    }
    for (const server of servers) {
      clients.set(server, await RandomReads.connect(server.socket, server.exportName, size));
    }
    const works: Work[] = [
      { title: 'nbdcopy, all of it', bar: SEQUENTIAL, measure: copying },
      {
        title: `4 KiB random, depth ${DEPTH}`,
        bar: RANDOM,
        measure: (server) => timed(() => clients.get(server)!.read(reads)),
      },
      { title: `qemu-img bench, depth ${DEPTH}`, bar: RANDOM, measure: (server) => striding(server, reads) },
    ];
    const rows: Comparison[] = [];
    for (const work of works) rows.push(...(await rowsOf(work, servers, context)));
    return section(rows, size, reads);
  } finally {
    for (const client of clients.values()) client.close();
    for (const { child } of servers) await child.stop();
    await scratch.remove();
  }
}

/** Ratios are of the speeds: the time of the other, by ours. */
async function rowsOf(
  { title, bar, measure: measureOf }: Work,
  servers: readonly Server[],
  { quick, signal }: BenchContext,
): Promise<Comparison[]> {
  const times = { warmUps: quick ? 1 : 3, pairs: quick ? 3 : 15 };
  const found = await inTurn(servers.map(measureOf), times, signal);
  const rows = OTHERS.map(({ at, name }) =>
    comparison(`${title}: ${name}`, pairsOf(found[at]!, found[0]!), at === 1 ? { bar } : {}),
  );
  return [...rows, comparison('  qemu-nbd: qemu-nbd again', pairsOf(found[1]!, found[3]!))];
}

function copying({ uri }: Server): Measure {
  return timed(() => succeed(['nbdcopy', uri, 'null:']));
}

/** The time that it says itself: without its start. */
function striding({ uri }: Server, reads: number): Measure {
  const stride = STRIDE_BLOCKS * 4096;
  const words = ['qemu-img', 'bench', '-f', 'raw', '-c', reads, '-d', DEPTH, '-s', 4096, '-S', stride, uri];
  return async () => {
    const said = await succeed(words.map(String));
    const seconds = /completed in ([0-9.]+) seconds/.exec(said)?.[1];
    if (seconds === undefined) throw new Error(`qemu-img bench says ${said}`);
    return Number(seconds) * 1000;
  };
}

async function succeed(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(words, { limitMs: LIMIT_MS });
  if (code !== 0) throw new Error(`${words.join(' ')} ends with code ${code}: ${stderr}`);
  return stdout;
}

function section(rows: readonly Comparison[], size: number, reads: number): Section {
  return {
    title: 'nbd: the server of qbm daemon and other servers of the same bytes, on unix sockets',
    sides: ['the other', OURS],
    rows,
    measured:
      `nbdcopy reads ${size / MIB} MiB (4 connections, 256 KiB a request, block status before), its start included; our ` +
      `smallest client reads ${reads} blocks at random and looks at each reply; qemu-img bench reads as many at a ` +
      `stride of ${STRIDE_BLOCKS} blocks. The files of qemu-nbd and qbm are the same one, in the page cache; nbdkit's ` +
      'memory was filled with it. A ratio above 1: qbm is the faster one.',
    why:
      'every byte is copied twice, from the page cache and to the socket; qemu-nbd leaves the first to threads, which ' +
      'gains for long reads and costs for short ones, and qbm does both in one thread. nbdkit has the bytes already.',
  };
}
