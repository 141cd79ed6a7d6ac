/** All commands, in the order of the reference. Arguments, errors, schema and documentation are read from here. */

import { type AnyCommand, type CommandTable, commandTable } from './command.js';
import { BACKUP_COMMANDS } from './commands/backup.js';
import { BITMAP_COMMANDS } from './commands/bitmap.js';
import { BLOCK_GRAPH_COMMANDS } from './commands/block-graph.js';
import { BLOCKDEV_COMMANDS } from './commands/blockdev.js';
import { BLOCKSTATS_COMMANDS } from './commands/blockstats.js';
import { CHAIN_COMMANDS } from './commands/chain.js';
import { COMMIT_COMMANDS } from './commands/chain-jobs/commit.js';
import { STREAM_COMMANDS } from './commands/chain-jobs/stream.js';
import { CREATE_COMMANDS } from './commands/create.js';
import { DEVICE_COMMANDS } from './commands/device.js';
import { EXPORT_COMMANDS } from './commands/export.js';
import { HUMAN_MONITOR_COMMANDS } from './commands/human-monitor.js';
import { INTROSPECTION_COMMANDS } from './commands/introspection.js';
import { JOB_COMMANDS } from './commands/job.js';
import { MEDIA_COMMANDS } from './commands/media.js';
import { MIRROR_COMMANDS } from './commands/mirror.js';
import { OBJECT_COMMANDS } from './commands/object.js';
import { QUERY_COMMANDS } from './commands/query.js';
import { THREAD_COMMANDS } from './commands/thread/iothread.js';
import { TRANSACTION_COMMANDS } from './commands/transaction.js';
import type { Machine } from './machine.js';
import { qmpCapabilities } from './monitor.js';

export const COMMANDS: CommandTable<Machine> = commandTable<Machine>([
  ...BITMAP_COMMANDS,
  ...TRANSACTION_COMMANDS,
  ...BLOCKDEV_COMMANDS,
  ...EXPORT_COMMANDS,
  ...OBJECT_COMMANDS,
  ...THREAD_COMMANDS,
  ...CREATE_COMMANDS,
  ...JOB_COMMANDS,
  ...BACKUP_COMMANDS,
  ...MIRROR_COMMANDS,
  ...COMMIT_COMMANDS,
  ...STREAM_COMMANDS,
  ...DEVICE_COMMANDS,
  ...MEDIA_COMMANDS,
  ...CHAIN_COMMANDS,
  ...QUERY_COMMANDS,
  ...BLOCK_GRAPH_COMMANDS,
  ...BLOCKSTATS_COMMANDS,
  ...HUMAN_MONITOR_COMMANDS,
  ...INTROSPECTION_COMMANDS,
  qmpCapabilities as AnyCommand<Machine>,
]);
