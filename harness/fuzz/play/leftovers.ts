/**
 * The oracles after every step that need no model: whoever is asked answers, and of a job that has ended nothing is left: no
 * bitmap without a name, and, in a history without exports, no busy one.
 */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import type { Reply, Session } from '../../target/target.js';
import type { History, Outcome } from '../history.js';

const QUERIES = ['query-jobs', 'query-block-jobs', 'query-block'] as const;
/**
 * Steps after which there is nothing new to see; and while an image is made QEMU 7.2 ends at a question now and then (the case
 * create-looked-at-meanwhile).
 */
const QUIET = /^(query-|x-debug-|blockdev-create$)/;

/** Asks after the step; null if all is well. Rejects with what the session rejects with. */
export async function leftovers(session: Session, history: History, step: number): Promise<Outcome | null> {
  const { action } = history.steps[step]!;
  if (!areAsked(history) || action.verb === 'io' || action.verb === 'observe') return null;
  if (action.verb === 'qmp' && QUIET.test(action.command)) return null;
  const wanted = history.requires.includes('devices') ? QUERIES : QUERIES.slice(0, 2);
  // Jobs first: one that ends between the two answers has taken its bitmaps along by then.
  const [jobs, nodes, ...others] = await Promise.all(
    [wanted[0]!, 'query-named-block-nodes', ...wanted.slice(1)].map((command) =>
      session.qmp(command, undefined),
    ),
  );
  const refused = [jobs!, nodes!, ...others].find((reply) => 'error' in reply);
  if (refused !== undefined) return found(step, 'query', [`a query is refused: ${JSON.stringify(refused)}`]);
  const isIdle = listOf(jobs!).length === 0;
  const owners = /copy-before-write|snapshot-access/;
  const all = listOf(nodes!).filter(isJsonObject);
  if (!isIdle || all.some((node) => owners.test(String(node.drv)))) return null;
  const isLeft = ({ name, busy }: JsonObject): boolean =>
    name === undefined || (busy === true && !mayBeExported(history));
  const left = all.flatMap((node) => bitmapsOf(node).filter(isLeft));
  return left.length === 0
    ? null
    : found(
        step,
        'left of a job',
        left.map((one) => JSON.stringify(one)),
      );
}

/** Whether there are questions after the steps of a history: of one that has no jobs nothing can be left. */
export function areAsked({ requires }: History): boolean {
  return requires.includes('qmp') && requires.includes('command:query-jobs');
}

/** An export keeps its bitmaps busy, and which there are costs a question: of histories that make one they are not looked at. */
function mayBeExported({ requires }: History): boolean {
  return requires.includes('command:block-export-add') || requires.includes('command:nbd-server-add');
}

function found(step: number, oracle: string, observed: readonly string[]): Outcome {
  return { kind: 'differs', step, expected: [], observed, oracle };
}

function listOf(reply: Reply): readonly Json[] {
  return 'return' in reply && Array.isArray(reply.return) ? reply.return : [];
}

function bitmapsOf(node: JsonObject): JsonObject[] {
  const bitmaps = node['dirty-bitmaps'];
  return Array.isArray(bitmaps) ? bitmaps.filter(isJsonObject) : [];
}
