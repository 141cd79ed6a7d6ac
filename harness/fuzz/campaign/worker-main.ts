/**
 * A worker as a process of its own. Its argument is the module that exports the WORLD and `targets`; all else it is told by
 * the engine. When the engine has gone, it ends itself and its processes.
 */

import type { TargetChoice } from '../../target/parse.js';
import { closeAll } from '../../target/process.js';
import type { World } from '../property.js';
import type { FromWorker, ToWorker } from './messages.js';
import { CampaignWorker } from './worker.js';

/** What the module exports. */
export interface WorldModule {
  readonly WORLD: World;
  /** what a `--target` text stands for */
  readonly targets: (text: string) => Promise<TargetChoice[]>;
  readonly errorId: (kind: TargetChoice['kind'], desc: string, errorClass: string) => string | undefined;
}

let worker: CampaignWorker | null = null;

function send(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });
}

async function work(message: ToWorker & { type: 'begin' }): Promise<void> {
  const { WORLD, targets, errorId } = (await import(process.argv[2]!)) as WorldModule;
  const [choice] = await targets(message.plan.target);
  const names = (desc: string, errorClass: string): string | undefined =>
    errorId(choice!.kind, desc, errorClass);
  worker = new CampaignWorker(message, WORLD, choice!, names, (news) => void send(news));
  if (isGone) worker.hear({ type: 'stop', now: true, graceMs: 0 });
  await worker.run();
}

let isGone = false;

process.on('disconnect', () => {
  isGone = true;
  worker?.hear({ type: 'stop', now: true, graceMs: 0 });
});
// Ctrl-C is for the engine, which says what is to be done.
process.on('SIGINT', () => {});

process.on('message', (message: ToWorker) => {
  if (message.type !== 'begin') {
    worker?.hear(message);
    return;
  }
  void work(message)
    .catch((error: unknown) => {
      const { code, message: text, stack } = error as NodeJS.ErrnoException;
      const isOurs =
        error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
      return send({ type: 'fatal', message: isOurs && code === undefined ? String(stack) : text });
    })
    .then(async () => {
      await closeAll();
      if (process.connected) process.disconnect();
      process.exit(0);
    });
});
