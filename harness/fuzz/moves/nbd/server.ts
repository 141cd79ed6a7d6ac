/** The NBD server that a history has: its start with options, starts that are refused, and its end with whoever is there. */
import type { Json, JsonObject } from '../../../../spec/json/value.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { BROKEN } from '../names.js';

/** Where it listens. */
export const SOCKET = 'socket';

/** For nobody a limit. */
const PLENTY = [0, 100, 2 ** 32 - 1] as const;

/** @param mostConnections at once; default: mostly not said, and as many as may come */
export function startServer(sketch: Sketch, mostConnections?: number): void {
  const { draw } = sketch;
  const most = mostConnections ?? (draw.chance(0.1) ? draw.pick(PLENTY) : undefined);
  sketch.qmp('nbd-server-start', {
    addr: unixAddress(),
    'max-connections': most,
    // Nothing asks for it where there is no TLS.
    'tls-authz': draw.chance(BROKEN) ? 'nobody' : undefined,
  });
}

/** As it is drawn: plain, or in a way in which it cannot be. */
export function playStart(sketch: Sketch): void {
  if (sketch.draw.chance(0.2)) playWrongStart(sketch);
  else startServer(sketch);
}

/** The ids of the exports that there are. */
export function exportIds(sketch: Sketch): string[] {
  return sketch.run.machine.exports.all.map(({ id }) => id);
}

/** An export that goes, goes later than the reply to its command. */
export function waitForEnd(sketch: Sketch, id: string): void {
  sketch.play({ verb: 'wait', any: [], event: 'BLOCK_EXPORT_DELETED', match: members({ id }) });
}

export function playStop(sketch: Sketch): void {
  const ids = exportIds(sketch);
  const answer = sketch.qmp('nbd-server-stop');
  if (answer?.ok === true) for (const id of ids) waitForEnd(sketch, id);
}

function unixAddress(more: { readonly [name: string]: Json } = {}): JsonObject {
  return members({ type: 'unix', data: members({ path: `$${SOCKET}`, ...more }) });
}

function playWrongStart(sketch: Sketch): void {
  const { isServing } = sketch.run.machine.exports;
  const args = isServing && sketch.draw.chance(0.5) ? secondStart(sketch) : wrongStart(sketch);
  sketch.qmp('nbd-server-start', args);
}

type Args = { readonly [name: string]: Json | undefined };

/** Credentials that nobody has, numbers that are none, and addresses at which no machine listens (NBD-043). */
function wrongStart({ draw }: Sketch): Args {
  switch (draw.int(0, 3)) {
    case 0: {
      const [cid, port] = draw.pick([
        ['a', 'b'],
        ['', ''],
        ['4294967296', '1'],
        ['1', '4294967296'],
        ['2', 'nbd'],
      ] as const);
      const addr = members({ type: 'vsock', data: members({ cid, port }) });
      return { addr, 'tls-creds': draw.pick([undefined, 'nobody']) };
    }
    case 1: {
      const data = members({ host: '127.0.0.1', port: '0', ipv4: false, ipv6: false });
      return { addr: members({ type: 'inet', data }) };
    }
    case 2:
      return {
        addr: unixAddress(),
        'tls-creds': draw.pick(['nobody', '', 'e0']),
        'tls-authz': draw.pick([undefined, 'nobody']),
      };
    default:
      return { addr: unixAddress(), 'max-connections': draw.pick([-1, 2 ** 32]) };
  }
}

/** There is a server: any other one is refused, and nobody asks the machine whether it could be. */
function secondStart({ draw }: Sketch): Args {
  const some = <V extends Json>(...values: readonly V[]): V | undefined =>
    draw.chance(0.7) ? draw.pick(values) : undefined;
  const internet = members({
    host: draw.pick(['127.0.0.1', '::1', '', 'localhost']),
    port: draw.pick(['0', '10809', 'nbd']),
    numeric: some(true, false),
    to: some(0, 65535, 65536),
    ipv4: some(true, false),
    ipv6: some(true, false),
    'keep-alive': some(true, false),
    mptcp: some(true, false),
  });
  const addr = draw.pick([
    members({ type: 'inet', data: internet }),
    members({ type: 'inet', data: internet }),
    members({ type: 'vsock', data: members({ cid: '2', port: '10809' }) }),
    members({ type: 'fd', data: members({ str: draw.pick(['nobody', '3', '']) }) }),
    unixAddress({ abstract: draw.chance(0.5), tight: draw.chance(0.5) }),
    unixAddress({ abstract: draw.chance(0.5), tight: draw.chance(0.5) }),
  ]);
  return { addr, 'tls-creds': some('nobody'), 'max-connections': some(0, 1, 2) };
}
