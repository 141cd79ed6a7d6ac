/**
 * Since when each bitmap of a node records: what the disk may have held at that time. A sector whose content is none of
 * that has changed, so its granule has to be dirty. Says nothing of bits: those are what is being tested.
 */

import type { Seen, Versions } from './content-for-tests.js';
import type { Action } from './history-for-tests.js';

interface Recorder {
  enabled: boolean;
  /** more than one when it did not record for a while: what changed meanwhile need not be dirty */
  since: readonly Versions[];
}

export class Recorders {
  readonly #all: Map<string, Recorder>;

  constructor(all: Iterable<readonly [string, Recorder]> = []) {
    this.#all = new Map([...all].map(([name, recorder]) => [name, { ...recorder }]));
  }

  since(name: string): readonly Versions[] {
    return this.#all.get(name)?.since ?? [];
  }

  /** A command that has succeeded; `content` is what the disk may hold. */
  follow(action: Action, content: Versions): void {
    if (action.do === 'abort') return;
    if (action.do === 'add') {
      this.#all.set(action.name, { enabled: !action.disabled, since: action.disabled ? [] : [content] });
      return;
    }
    const recorder = this.#all.get(action.name);
    if (recorder === undefined) return;
    if (action.do === 'remove') this.#all.delete(action.name);
    else if (action.do === 'clear') recorder.since = recorder.enabled ? [content] : [];
    else if (action.do === 'disable') recorder.enabled = false;
    else if (action.do === 'enable' && !recorder.enabled) {
      recorder.enabled = true;
      recorder.since = [...recorder.since, content];
    }
  }

  /** BMP-023: what a resize changes is not marked. */
  resized(seen: Seen, places: readonly number[]): void {
    for (const recorder of this.#all.values()) {
      recorder.since = recorder.since.map((one) => one.followedBy(seen, places));
    }
  }
}
