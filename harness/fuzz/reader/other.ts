/** Another implementation's reading of many samples, over the adapter protocol, with as few waits as there can be. */

import { AdapterTarget } from '../../target/adapter/adapter.js';
import type { AdapterFormat } from '../../target/adapter/format.js';
import type { Verdict } from './reference.js';
import type { Sample } from './samples/sample.js';

/** An adapter may take a minute for one request. */
const CONTEXT = { id: 'reader', format: 'raw', limitMs: 60_000, volatileNodes: new Set<string>() };
/** Samples that are there at once, each in a directory of its own. */
const BATCH = 16;

export class Other {
  readonly #target: AdapterTarget;

  /** @param command starts the adapter */
  constructor(command: string) {
    this.#target = new AdapterTarget(`adapter:${command}`, command);
  }

  /** @throws TargetFault when the adapter dies, hangs or answers with what is no answer */
  async verdicts(samples: readonly Sample[]): Promise<Verdict[]> {
    const all: Verdict[] = [];
    for (let from = 0; from < samples.length; from += BATCH)
      all.push(...(await this.#batch(samples.slice(from, from + BATCH))));
    return all;
  }

  async #batch(samples: readonly Sample[]): Promise<Verdict[]> {
    const session = await this.#target.begin(CONTEXT);
    const format = session.format as AdapterFormat;
    try {
      // Requests are sent without waiting; the answers come in their order.
      return await Promise.all(
        samples.map(async ({ files, open, trust }, index) => {
          const place = `${index}/`;
          const put = format.putAll([...files].map(([name, content]) => [place + name, content] as const));
          const seen = format.inspect(place + open, { trust, verify: false });
          const report = format.check(place + open, { trust, repair: false });
          await put;
          return { seen: await seen, report: await report };
        }),
      );
    } finally {
      await session.end();
    }
  }

  async close(): Promise<void> {
    await this.#target.close();
  }
}
