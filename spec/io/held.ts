/** REF-095. Requests of qemu-io that a breakpoint may hold. */
import type { Passing } from '../block/held/route.js';
import type { IoCall } from './command.js';
import type { Disk } from './disk.js';

/** Says what came of a request; false: it has failed. */
export type Answer = () => boolean;

/** What there is to say about a request, and to whom. */
export interface Asked {
  /** seconds: when it was submitted */
  readonly begin: number;
  /** counts it */
  readonly tell: (isDone: boolean) => void;
  /** answers that it has failed */
  readonly failed: (reason: string) => Answer;
}

/**
 * Makes a request, and returns what answers. Of one that is held there is nothing to say: its answer is given out when it goes.
 * @param op what failed, in a refusal
 * @param perform makes it
 */
export function submit(
  disk: Disk,
  call: IoCall,
  request: { readonly op: string; readonly passing: Passing; readonly tell: Asked['tell'] },
  perform: (asked: Asked) => Answer,
): Answer {
  const { op, passing, tell } = request;
  const failed = (reason: string) => (): boolean => {
    call.world.print(`${op} failed: ${reason}\n`);
    return false;
  };
  const asked = { begin: call.world.now(), tell, failed };
  let isHeld = false;
  let answer: Answer = () => true;
  const end = (found: Answer): void => {
    if (isHeld) found();
    else answer = found;
  };
  const ticket = disk.graph.requests.submit({
    edge: () => disk.edge,
    passing,
    go: () => end(perform(asked)),
    givenUp: () => end(failed('Operation canceled')),
  });
  isHeld = !ticket.isOver;
  return answer;
}
