/** Every property there is, and how its histories are played. */

import { knownIn } from './known/known-in.js';
import { createProber } from './play/prober.js';
import { backupChain } from './properties/backup-chain.js';
import { bitmap } from './properties/bitmap.js';
import { chain } from './properties/chain.js';
import { devices } from './properties/devices.js';
import { fleecing } from './properties/fleecing.js';
import { format } from './properties/format.js';
import { jobs } from './properties/jobs.js';
import { laws } from './properties/laws.js';
import { lifecycle } from './properties/lifecycle.js';
import { mirror } from './properties/mirror.js';
import { nbd } from './properties/nbd.js';
import { persistence } from './properties/persistence.js';
import { storedChain } from './properties/stored-chain.js';
import { threads } from './properties/threads.js';
import { together } from './properties/together.js';
import { tools } from './properties/tools.js';
import { transaction } from './properties/transaction.js';
import type { World } from './property.js';

export const WORLD: World = {
  properties: [
    bitmap,
    transaction,
    lifecycle,
    jobs,
    backupChain,
    mirror,
    chain,
    fleecing,
    persistence,
    nbd,
    devices,
    tools,
    together,
    threads,
    format,
    laws,
    storedChain,
  ],
  knownIn,
  prober: ({ create }, options) => createProber(create, options),
};
