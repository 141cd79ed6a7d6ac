/** `blockdev-create`: a job that makes an image. spec/job/JOBS.md, JOB-030 to JOB-034. */
import { commandsOf } from '../command.js';
import { type CreateOptions, createWork } from '../create.js';
import { createUnsupported } from '../job-errors.js';
import type { Machine } from '../machine.js';
import { bool, empty, enumeration, optional, size, str, struct, type Type, union } from '../types.js';
import { BlockdevDriver, BlockdevRef } from './blockdev-options.js';

const define = commandsOf<Machine>();

const PreallocMode = enumeration('PreallocMode', ['off', 'metadata', 'falloc', 'full']);

const BlockdevCreateOptionsFile = struct('BlockdevCreateOptionsFile', {
  filename: str,
  size: { type: size, optional: false, doc: 'bytes' },
  preallocation: optional(PreallocMode, { doc: 'default off' }),
  nocow: optional(bool, { doc: 'a hint for the file system of the host' }),
  'extent-size-hint': optional(size, { doc: 'another one' }),
});

const BlockdevCreateOptionsQbm = struct('BlockdevCreateOptionsQbm', {
  file: { type: BlockdevRef, optional: false, doc: 'what becomes the descriptor: an empty file' },
  size: optional(size, { doc: 'bytes of the data image, which is made; without it, it is there' }),
  'data-file': optional(str, {
    doc: 'the raw data image, as the descriptor names it; default: beside the descriptor',
  }),
  'backing-file': optional(str, { doc: 'as the descriptor names it; brings an allocation bitmap' }),
  'backing-fmt': optional(BlockdevDriver, { doc: 'its format; with a backing file needed' }),
  allocation: optional(bool, {
    doc: 'an allocation bitmap, with which it can have a backing file later; default: if it has one',
  }),
  'cluster-size': optional(size, { doc: 'granularity of the allocation bitmap, bytes; default 64 KiB' }),
});

const BlockdevCreateOptions: Type<CreateOptions> & ReturnType<typeof declare> = declare();

function declare() {
  return union('BlockdevCreateOptions', {
    base: { driver: BlockdevDriver },
    discriminator: 'driver',
    branches: { file: BlockdevCreateOptionsFile, qbm: BlockdevCreateOptionsQbm },
  });
}

export const CREATE_COMMANDS = [
  define({
    name: 'blockdev-create',
    doc: 'Makes an image, as a job that stays concluded until it is dismissed.',
    args: struct('BlockdevCreateArguments', {
      'job-id': { type: str, optional: false, doc: 'of the job' },
      options: BlockdevCreateOptions,
    }),
    returns: empty,
    rules: ['JOB-001', 'JOB-030', 'JOB-031'],
    execute(machine, { 'job-id': id, options }) {
      // PRECONDITIONS
      const work = createWork(machine, options);
      if (work === undefined) throw createUnsupported(); // JOB-031
      // EFFECTS
      machine.jobs
        .create(
          {
            type: 'create',
            *run(job) {
              job.progress.total = 1;
              try {
                yield* work();
              } finally {
                job.progress.current = 1; // JOB-030: also when it has failed
              }
            },
          },
          { id, autoDismiss: false },
        )
        .start();
    },
  }),
];
