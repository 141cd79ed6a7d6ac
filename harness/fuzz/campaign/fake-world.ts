/**
 * A world for the tests of campaigns: histories of a few verbs, and an implementation in this process with three mistakes.
 * What a target `fake:VARIANT` does differently is said at each place.
 */
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { jsonObject } from '../../../spec/json/value.js';
import type { Step } from '../../case/case.js';
import { fakeChoice } from '../../case/run/fake-target.js';
import type { TargetChoice } from '../../target/parse.js';
import { TargetFault } from '../../target/target.js';
import type { History, Outcome, Prober } from '../history.js';
import type { Property, World } from '../property.js';
import { shapeOf } from '../reduce/tree.js';
import { numbersFrom } from './plan.js';

/** Names a file that is made by what happens once only. */
export const FIRST = 'QBM_FAKE_FIRST';

const COMMANDS = ['add', 'remove', 'enable', 'disable', 'clear'].map((verb) => `block-dirty-bitmap-${verb}`);

function drawn(seed: number): History {
  const below = numbersFrom(seed);
  const steps: Step[] = [];
  for (let left = 3 + below(12); left > 0; left--) {
    const node = `n${below(3)}`;
    const name = `m${below(3)}`;
    const what = below(COMMANDS.length + 2);
    if (what < COMMANDS.length) {
      const args = jsonObject({ node, name });
      steps.push({ line: 0, action: { verb: 'qmp', command: COMMANDS[what]!, arguments: args } });
    } else steps.push({ line: 0, action: { verb: 'observe', node } });
  }
  return { property: 'toy', format: 'raw', requires: [], steps };
}

const toy: Property = {
  name: 'toy',
  summary: 'a few commands',
  goals: ['two removals', 'a hundred additions'],
  rules: ['BMP-001'],
  draw: drawn,
  reach({ steps }) {
    const shapes = steps.map(shapeOf);
    const removals = shapes.filter((shape) => shape.endsWith('remove')).length;
    return {
      states: shapes.map((shape, index) => `${shape} after ${shapes[index - 1] ?? 'nothing'}`),
      goals: removals >= 2 ? ['two removals'] : [],
    };
  },
};

/** The first step at which the implementation is wrong, and how. */
function mistakeIn({ steps }: History): Outcome {
  const done: string[] = [];
  for (const [step, one] of steps.entries()) {
    const shape = shapeOf(one);
    if (shape === 'observe' && done.filter((before) => before.endsWith('clear')).length >= 2)
      return { kind: 'differs', step, expected: ['  count 0'], observed: ['  count 65536'], oracle: 'model' };
    if (shape.endsWith('remove') && done.at(-1)?.endsWith('disable') === true)
      return { kind: 'crash', step, message: 'fake was killed by SIGSEGV', stderr: '' };
    if (shape.endsWith('enable') && done.at(-1)?.endsWith('remove') === true)
      return { kind: 'hang', step, message: 'no answer', stderr: '' };
    done.push(shape);
  }
  return { kind: 'same' };
}

/** Whether no process asked before that has the same file in its environment. */
function isFirst(): boolean {
  try {
    closeSync(openSync(process.env[FIRST]!, 'wx'));
    return true;
  } catch {
    return false;
  }
}

/** Does it when all that follows from an outcome without waiting is done, before any message is read. */
function onceAsked(act: () => void): void {
  process.nextTick(act);
}

class FakeProber implements Prober {
  readonly #variant: string;
  readonly #signal: AbortSignal;
  #probed = 0;
  #hasFound = false;
  #isFull = false;

  constructor(variant: string, signal: AbortSignal) {
    this.#variant = variant;
    this.#signal = signal;
  }

  async probe(history: History): Promise<Outcome> {
    this.#probed++;
    // "slow" leaves time to be killed in.
    await pause(this.#variant === 'slow' ? 4 : 0, undefined, { signal: this.#signal });
    switch (this.#variant) {
      case 'good':
        return { kind: 'same' };
      case 'dies':
        return { kind: 'crash', step: 0, message: 'fake was killed by SIGABRT', stderr: '' };
      case 'hangs':
        return { kind: 'hang', step: 0, message: 'no answer within 10 s', stderr: '' };
      case 'full':
        // The disk is full after a while.
        return this.#probed > 20
          ? { kind: 'surroundings', message: 'ENOSPC: no space left on device' }
          : { kind: 'same' };
      case 'fills': {
        // The disk is full from its first mistake on.
        if (this.#isFull) return { kind: 'surroundings', message: 'ENOSPC: no space left on device' };
        const outcome = mistakeIn(history);
        this.#isFull = outcome.kind !== 'same';
        return outcome;
      }
      case 'unable':
        return { kind: 'unplayable', step: 0, message: 'it cannot do anything' };
      case 'flaky':
        return this.#probed % 2 === 0 ? mistakeIn(history) : { kind: 'same' };
      case 'fatal':
        // The worker itself dies.
        if (this.#probed > 10) process.kill(process.pid, 'SIGKILL');
        return { kind: 'same' };
      case 'asking': {
        // The worker dies once, when it has asked who keeps what it found, before anybody can answer.
        const outcome = mistakeIn(history);
        if (outcome.kind !== 'same' && isFirst()) onceAsked(() => process.kill(process.pid, 'SIGKILL'));
        return outcome;
      }
      case 'orphan': {
        // So dies the engine, once: it is stopped first, so that it cannot answer.
        const outcome = mistakeIn(history);
        if (outcome.kind === 'same' || !isFirst()) return outcome;
        process.kill(process.ppid, 'SIGSTOP');
        onceAsked(() => process.kill(process.ppid, 'SIGKILL'));
        return outcome;
      }
      case 'again': {
        // The worker dies once, when something was found by this process, at what is played next.
        if (this.#hasFound && isFirst()) process.kill(process.pid, 'SIGKILL');
        const outcome = mistakeIn(history);
        this.#hasFound ||= outcome.kind !== 'same';
        return outcome;
      }
      case 'stuck': {
        // What is played after something was found does not end.
        if (this.#hasFound) await pause(2 ** 30, undefined, { signal: this.#signal });
        const outcome = mistakeIn(history);
        this.#hasFound = outcome.kind !== 'same';
        return outcome;
      }
      case 'broken':
        throw new TypeError('a mistake in the harness');
      default:
        return mistakeIn(history);
    }
  }

  async close(): Promise<void> {}
}

export const WORLD: World = {
  properties: [toy],
  prober: ({ name }, { signal }) => new FakeProber(name.slice('fake:'.length), signal),
};

export async function targets(text: string): Promise<TargetChoice[]> {
  const choice = fakeChoice(text);
  if (text !== 'fake:gone' && text !== 'fake:mute') return [choice];
  return [
    {
      ...choice,
      create: () => ({
        ...choice.create(),
        name: text,
        kind: 'reference',
        identify: async () => {
          if (text === 'fake:mute') return new Promise<never>(() => {});
          throw new TargetFault('surroundings', 'no fake in PATH');
        },
        begin: () => Promise.reject(new Error('never begun')),
        close: async () => {},
      }),
    },
  ];
}

export function errorId(): undefined {
  return undefined;
}
