/**
 * blockdev-del of every node at every point of every case on nodes, graphs and bitmaps, on the reference: it is refused with
 * one of the reasons that there are, or the node is gone; the rest of the case then finds what it finds, but nobody uses a
 * node that is gone, and the machine does not contradict itself (REF-003, REF-011, REF-026).
 */
import { join } from 'node:path';
import t from 'tap';
import type { JsonObject } from '../../spec/json/value.js';
import { packageRoot } from '../cli/environment.js';
import { parseTarget } from '../target/parse.js';
import type { Reply, Session, Target } from '../target/target.js';
import { type Action, type Case, createdFiles, volatileNodes } from './case.js';
import { loadSuite } from './load/load.js';
import { NotConnected } from './play/nbd.js';
import { type Played, play } from './play/play.js';

const AREAS: ReadonlySet<string> = new Set(['bitmap', 'graph', 'node']);

/** Why a node cannot go. */
const REASONS: ReadonlySet<string> = new Set([
  'REF-E-BUSY',
  'REF-E-HAS-DEVICE',
  'REF-E-IN-USE',
  'REF-E-NO-NODE',
  'REF-E-NOT-MONITOR',
]);

/** A case that moves more than this many bytes would take too long so many times. */
const MUCH = 4 * 1024 * 1024;

async function deleteOnce(
  target: Target,
  found: Case,
  format: string,
  at: number,
  node: string,
): Promise<string> {
  const session = await target.begin({
    id: found.id,
    format,
    limitMs: 10_000,
    volatileNodes: volatileNodes(found.steps),
    devices: false,
  });
  let isOver = false;
  try {
    await playSteps(session, found, found.steps.slice(0, at));
    const outcome = await deleted(session, node);
    await playSteps(session, found, found.steps.slice(at)).catch((error: unknown) => {
      // Without its node an export was not made, and nobody could connect to it.
      if (!(error instanceof NotConnected)) throw error;
    });
    isOver = true;
    return outcome;
  } finally {
    const ended = session.end();
    // Rejects if the reference contradicts itself; after a failure that is told anyway.
    if (isOver) await ended;
    else await ended.catch(() => {});
  }
}

async function deleted(session: Session, node: string): Promise<string> {
  const reply = await session.qmp('blockdev-del', { 'node-name': node });
  if ('error' in reply) {
    const id = reply.error.id ?? '';
    if (!REASONS.has(id)) throw new Error(`refused with ${id}: ${reply.error.desc}`);
    return id;
  }
  const left = await session.qmp('query-named-block-nodes', undefined);
  if (namesIn(left).includes(node)) throw new Error('it is still there');
  return 'gone';
}

function namesIn(reply: Reply): string[] {
  return 'return' in reply ? (reply.return as JsonObject[]).map((node) => String(node['node-name'])) : [];
}

async function playSteps(session: Session, found: Case, steps: Case['steps']): Promise<void> {
  const played: Played = { lines: [], step: 0, allowed: false };
  const context = {
    files: createdFiles(found.steps),
    within: <T>(request: Promise<T>) => request,
    errorId: () => undefined,
    comparable: (lines: readonly string[]) => lines,
  };
  await play(steps, session, context, played);
}

/** Every name that a step gives to a node. */
function nodesOf({ steps }: Case): string[] {
  const names = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [member, one] of Object.entries(value)) {
      if ((member === 'node-name' || member === 'snapshot-node-name') && typeof one === 'string')
        names.add(one);
      collect(one);
    }
  };
  for (const { action } of steps) {
    const act = plain(action);
    if (act.verb === 'open') names.add(act.node).add(`${act.node}-file`);
    if (act.verb === 'qmp') collect(act.arguments);
  }
  return [...names].slice(0, 6);
}

function plain(action: Action): Exclude<Action, { verb: 'either' }> {
  return action.verb === 'either' ? action.action : action;
}

function isSmall({ steps }: Case): boolean {
  return steps.every(({ action }) => {
    const act = plain(action);
    if (act.verb === 'open') return act.size === null || act.size <= MUCH;
    return act.verb !== 'create' || act.size <= MUCH;
  });
}

/** milliseconds for all of it; far more than it takes */
const LIMIT = 600_000;

t.setTimeout(LIMIT);
t.test('every node is deleted at every point of every case', { timeout: LIMIT }, async (t) => {
  const { cases } = loadSuite(join(packageRoot(), 'cases'));
  const target = parseTarget('reference').create();
  const { capabilities } = await target.identify();
  const outcomes = new Map<string, number>();
  for (const found of cases) {
    if (!AREAS.has(found.area) || !isSmall(found)) continue;
    if (found.requires.some((capability) => !capabilities.has(capability))) continue;
    const format = found.formats[0]!;
    for (let at = 1; at <= found.steps.length; at++) {
      for (const node of nodesOf(found)) {
        const place = `${found.id}, ${node} after step ${at}`;
        const outcome = await deleteOnce(target, found, format, at, node).catch((error: Error) => {
          t.fail(`${place}: ${error.stack ?? error.message}`);
          return 'failed';
        });
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
  }
  t.comment([...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '));
  for (const outcome of ['gone', 'REF-E-BUSY', 'REF-E-IN-USE', 'REF-E-NOT-MONITOR'])
    t.ok((outcomes.get(outcome) ?? 0) > 0, outcome);
});
