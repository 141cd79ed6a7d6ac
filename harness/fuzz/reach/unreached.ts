/** Arguments that no property draws, each with the reason. What is drawn must not be here, and all that is not drawn must. */
export interface Unreached {
  /** paths of declared arguments, each with all that is part of it; `*` stands for any characters */
  readonly what: readonly string[];
  readonly why: string;
  /** it is drawn now and then, but too seldom to be counted on */
  readonly isRare?: true;
}

export const UNREACHED: readonly Unreached[] = [
  {
    what: [
      'block-dirty-bitmap-set-persistent',
      'transaction.actions[].type=block-dirty-bitmap-set-persistent',
      'transaction.actions[]<block-dirty-bitmap-set-persistent>.data',
      'drive-backup.target-id',
      'drive-backup.target-temporary',
    ],
    why: 'Of a series that QEMU has not taken: there is nothing to hold it against but cases.',
  },
  {
    what: ['*.driver=qbm', '*<qbm>*'],
    why: 'Histories say {format}, which each target calls by a name of its own; what is said of it is not counted.',
  },
  {
    what: ['query-version', 'query-commands', 'query-qmp-schema'],
    why: 'They tell of the program, and nothing of what a history does.',
  },
  {
    what: ['quit', 'qmp_capabilities'],
    why: 'The harness starts and ends programs; a history says restart or kill.',
  },
  {
    what: ['x-debug-query-block-graph'],
    why: 'A history says graph, which puts what it tells into an order.',
  },
  {
    what: ['human-monitor-command'],
    why: 'A request that a breakpoint holds is resumed in a time of its own, so what goes on beside it is luck; cases hold requests.',
  },
  {
    what: [
      '*<file>.pr-manager',
      '*<file>.locking',
      '*<file>.aio',
      '*<file>.aio-max-batch',
      '*<file>.drop-cache',
    ],
    why: 'How a file is asked for is between the program and the system that it runs on.',
  },
  { what: ['*<file>.x-check-cache-dropped'], why: 'Whether pages have gone is for the system to say.' },
  {
    what: [
      '*.event=l1_*',
      '*.event=l2_*',
      '*.event=reftable_*',
      '*.event=refblock_*',
      '*.event=cluster_*',
      '*.event=cow_*',
      '*.event=*_compressed',
      '*.event=vmstate_*',
      '*.event=empty_image_prepare',
      '*.event=read_backing_aio',
    ],
    why: 'Events of one image format: another one has its tables elsewhere, or none.',
  },
  {
    what: ['*.event=read_aio', '*.event=write_aio', '*.event=cor_write', '*.event=flush_to_*'],
    why: 'How often a format goes to its file for a request, or flushes it, is for it to choose; cases hold requests at these.',
  },
  {
    what: ['blockdev-reopen.options[].driver=file', 'blockdev-reopen.options[]<file>.filename'],
    why: 'Files are reopened below their images: by itself one has nothing that could be otherwise, and be seen.',
  },
  {
    what: ['blockdev-reopen.options[]<*|object'],
    why: 'A node that was defined within another one is reopened as it was, if that happens to be a filter of this kind.',
    isRare: true,
  },
  {
    what: ['blockdev-add<null-co>.read-zeroes=false'],
    why: 'What is read then is whatever was in memory.',
  },
  {
    what: [
      'blockdev-reopen.options[]<blkdebug>.inject-error[].event=*',
      'blockdev-reopen.options[]<blkdebug>.set-state[].event=*',
    ],
    why: 'A blkdebug node is reopened with the rules that it has, whatever they are.',
    isRare: true,
  },
  {
    what: [
      'blockdev-reopen.options[]<blkdebug>.*-child-perms[]=*',
      'blockdev-reopen.options[]<copy-before-write>.bitmap',
      'blockdev-reopen.options[]<copy-before-write>.cbw-timeout',
      'blockdev-reopen.options[]<copy-before-write>.on-cbw-error*',
      'blockdev-reopen.options[].cache.no-flush=false',
      'blockdev-reopen.options[].force-share',
    ],
    why: 'Nodes that are opened with these are few, and of those that are reopened one thing is another, now and then.',
    isRare: true,
  },
];
