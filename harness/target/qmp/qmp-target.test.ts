import fc from 'fast-check';
import t from 'tap';
import { context, leftovers, QEMUS, unless } from '../fixtures.js';
import { QEMU_IMG, QEMU_IO } from '../img/tools.js';
import { type NodeObservation, TargetFault } from '../target.js';

const SIZE = 1049088; // 1 MiB and a sector: the last granule is cut

for (const { name, skip, create } of QEMUS) {
  t.test(`${name}: only whoever sends ahead has it read ahead`, { skip }, async (t) => {
    for (const [use, answer] of [
      [{}, /'exec-oob' is unexpected/],
      [{ sendsAhead: true }, /does not support OOB/],
    ] as const) {
      const target = create(use);
      t.teardown(() => target.close());
      const session = await target.begin(context());
      const ask = () => session.qmpText('{"exec-oob": "query-version"}');
      t.match(await ask(), { error: { desc: answer } });
      await session.restart('kill');
      t.match(await ask(), { error: { desc: answer } }, 'another process as well');
      await session.end();
    }
  });

  for (const format of ['raw', 'overlay']) {
    t.test(`${name}, ${format}: open, bitmaps, I/O, observe, and nothing left`, { skip }, async (t) => {
      const target = create();
      t.teardown(() => target.close());
      const identity = await target.identify();
      t.match(identity.version, /^\d+\.\d+\.\d+$/);
      for (const capability of ['qmp', 'bitmap', 'transaction', 'resize', 'driver:null-co', 'driver:raw']) {
        t.ok(identity.capabilities.has(capability), capability);
      }
      t.same([...identity.formats], ['raw', 'overlay']);

      for (const round of [1, 2]) {
        const session = await target.begin(context({ format }));
        t.same(await session.open('d0', { size: SIZE, driver: 'format' }), { return: {} }, `round ${round}`);
        for (const bitmap of ['b0', 'ä,=: 日', 'x'.repeat(1023)]) {
          t.same(await session.qmp('block-dirty-bitmap-add', { node: 'd0', name: bitmap }), { return: {} });
        }
        await session.qmp('block-dirty-bitmap-add', {
          node: 'd0',
          name: 'off',
          disabled: true,
          granularity: 512,
        });
        t.same(await session.io('d0', { op: 'write', offset: 65535, length: 2, pattern: 7 }), { ok: true });
        t.same(await session.io('d0', { op: 'read', offset: 65535, length: 2, pattern: 7 }), { ok: true });
        const beyond = await session.io('d0', { op: 'read', offset: 65535, length: 3, pattern: 7 });
        t.same(beyond, { mismatch: { at: 65537, found: 0 } });
        t.same(await session.io('d0', { op: 'zero', offset: 1048576, length: 512 }), { ok: true });
        t.same(await session.io('d0', { op: 'write', offset: SIZE, length: 512, pattern: 7 }), {
          errno: 'EINVAL',
        });
        t.same(await session.io('nobody', { op: 'flush' }), { errno: 'ENODEV' });

        const seen = (await session.observe('d0')) as NodeObservation;
        t.equal(seen.size, SIZE);
        const dirty = [
          { offset: 0, length: 131072 },
          { offset: 1048576, length: 512 },
        ];
        t.same(
          seen.bitmaps.map((bitmap) => [bitmap.name.slice(0, 8), bitmap.dirty, bitmap.count]),
          [
            ['b0', dirty, 196608],
            ['off', [], 0],
            ['xxxxxxxx', dirty, 196608],
            ['ä,=: 日', dirty, 196608],
          ],
        );
        t.match(seen.bitmaps[0]?.sha256, /^[0-9a-f]{64}$/);
        t.match(await session.observe('nobody'), { error: { id: 'REF-E-NO-SUCH' } });
        t.same(session.events(), [], 'nothing of the harness shows');
        t.same(await session.qmp('query-block-exports', undefined), { return: [] });
        await session.end();
      }
      const session = await target.begin(context({ format }));
      t.same(await session.qmp('query-named-block-nodes', undefined), { return: [] });
      await session.end();
    });
  }

  t.test(`${name}: dirty areas are the granules that were written`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const granularities = [512, 4096, 65536, 2 ** 20];
    const write = fc.tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 100_000 }));
    const law = fc.asyncProperty(fc.array(write, { maxLength: 8 }), async (writes) => {
      const session = await target.begin(context());
      await session.open('d0', { size: SIZE, driver: 'null-co' });
      for (const granularity of granularities) {
        await session.qmp('block-dirty-bitmap-add', { node: 'd0', name: `g${granularity}`, granularity });
      }
      const dirty = new Map(granularities.map((granularity) => [`g${granularity}`, new Set<number>()]));
      for (const [offset, wanted] of writes) {
        const length = Math.min(wanted, SIZE - offset);
        await session.io('d0', { op: 'write', offset, length, pattern: 1 });
        for (const granularity of granularities) {
          const last = Math.floor((offset + length - 1) / granularity);
          for (let granule = Math.floor(offset / granularity); granule <= last; granule++) {
            dirty.get(`g${granularity}`)!.add(granule);
          }
        }
      }
      const { bitmaps } = (await session.observe('d0')) as NodeObservation;
      await session.end();
      return bitmaps.every((bitmap) => {
        const granules = dirty.get(bitmap.name)!;
        const seen = (bitmap.dirty ?? []).flatMap(({ offset, length }) => {
          const first = offset / bitmap.granularity;
          return Array.from({ length: Math.ceil(length / bitmap.granularity) }, (_, index) => first + index);
        });
        const inOrder = [...granules].sort((a, b) => a - b);
        return bitmap.count === granules.size * bitmap.granularity && inOrder.join() === seen.join();
      });
    });
    await fc.assert(law, { numRuns: 25 });
  });

  t.test(`${name}: bitmaps of a node that cannot be exported`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context({ format: 'overlay' }));
    await session.open('d0', { size: SIZE, driver: 'format' });
    await session.qmp('block-dirty-bitmap-add', { node: 'd0-file', name: 'low', granularity: 4096 });
    await session.io('d0', { op: 'write', offset: 0, length: 65536, pattern: 1 });
    const below = (await session.observe('d0-file')) as NodeObservation;
    const [low] = below.bitmaps;
    const sum = low?.dirty?.reduce((total, { length }) => total + length, 0);
    t.ok(low && low.count > 0 && sum === low.count, 'areas and count agree');
    t.same(await session.qmp('blockdev-del', { 'node-name': 'd0' }), { return: {} });
    await session.end();
  });

  t.test(`${name}: a node that only reads, and one that keeps nothing`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context());
    await session.open('ro', { size: SIZE, driver: 'format', readOnly: true });
    await session.open('null', { size: SIZE, driver: 'null-co' });
    await session.qmp('block-dirty-bitmap-add', { node: 'ro', name: 'b' });
    await session.qmp('block-dirty-bitmap-add', { node: 'null', name: 'b' });
    t.same(
      await session.io('ro', { op: 'write', offset: 0, length: 1, pattern: 1 }),
      { errno: 'EINVAL' },
      'QEMU says EINVAL to whatever it refuses',
    );
    t.same(await session.io('ro', { op: 'read', offset: 0, length: 1, pattern: 0 }), { ok: true });
    t.same(await session.io('null', { op: 'write', offset: 0, length: 1, pattern: 1 }), { ok: true });
    t.same(((await session.observe('ro')) as NodeObservation).bitmaps[0]?.dirty, []);
    const written = ((await session.observe('null')) as NodeObservation).bitmaps[0];
    t.same(written?.dirty, [{ offset: 0, length: 65536 }]);
    await session.end();
  });

  t.test(`${name}: an export that is kept open is in nobody's way`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context());
    await session.open('d0', { size: SIZE, driver: 'format' });
    const flush = async () => t.same(await session.io('d0', { op: 'flush' }), { ok: true });
    await flush();
    t.same(await session.qmp('block_resize', { 'node-name': 'd0', size: 2 * SIZE }), { return: {} });
    await flush();
    t.same(await session.io('d0', { op: 'write', offset: SIZE, length: 512, pattern: 1 }), { ok: true });
    t.same(await session.qmp('blockdev-del', { 'node-name': 'd0' }), { return: {} });
    t.same(session.events(), []);
    await session.end();
  });

  t.test(
    `${name}: text that is no QMP is answered once, and the next command meets its own reply`,
    { skip },
    async (t) => {
      const target = create();
      t.teardown(() => target.close());
      const session = await target.begin(context());
      for (const text of [
        '}',
        '{"execute": }',
        ']]]]',
        '{"execute":"query-version"} } {"a":',
        '{"execute": 1}',
        "'x']",
      ]) {
        await session.qmpText(text);
        const reply = await session.qmp('query-named-block-nodes', undefined);
        t.same(reply, { return: [] }, text);
      }
      t.same(await session.qmpText('{"execute": "query-jobs", "id": 3}'), { return: [], id: 3 });
      await session.end();
    },
  );

  t.test(`${name}: numbers arrive as they were sent`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context());
    const reply = await session.qmpText(
      '{"execute": "query-jobs", "id": [9007199254740993, {"__proto__": 1}]}',
    );
    const [number, object] = (reply as unknown as { id: [bigint, object] }).id;
    t.equal(number, 9007199254740993n);
    t.same(Object.keys(object), ['__proto__']);
    await session.end();
  });

  t.test(`${name}: killed in the middle of a command, then as new`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context());
    const pid = pidOf(session);
    process.kill(pid, 'SIGSTOP'); // so that the command is under way for certain
    const asked = session.qmp('query-version', undefined);
    process.kill(pid, 'SIGKILL');
    await t.rejects(asked, { name: 'TargetFault', kind: 'crash', message: /query-version: .*SIGKILL/ });
    await t.rejects(session.io('d0', { op: 'flush' }), TargetFault);
    await session.end();
    const next = await target.begin(context());
    t.same(await next.qmp('query-named-block-nodes', undefined), { return: [] });
    await next.end();
  });

  t.test(`${name}: stopped, it hangs; then as new`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context({ limitMs: 300 }));
    await session.open('d0', { size: SIZE, driver: 'format' });
    process.kill(pidOf(session), 'SIGSTOP');
    await t.rejects(session.qmp('query-version', undefined), { kind: 'hang', message: /within 300 ms/ });
    await session.end();
    const next = await target.begin(context());
    t.same(await next.qmp('query-named-block-nodes', undefined), { return: [] });
    await next.end();
  });

  t.test(`${name}: stopped during guest I/O, it hangs; then as new`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context({ limitMs: 300 }));
    await session.open('d0', { size: SIZE, driver: 'format' });
    await session.io('d0', { op: 'flush' });
    process.kill(pidOf(session), 'SIGSTOP');
    await t.rejects(session.io('d0', { op: 'flush' }), { kind: 'hang', message: /NBD flush/ });
    await session.end();
    const next = await target.begin(context());
    t.same(await next.qmp('query-named-block-nodes', undefined), { return: [] });
    await next.end();
  });

  t.test(`${name}: what cannot be undone costs a restart, not the next case`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context());
    const pid = pidOf(session);
    await session.qmp('object-add', { 'qom-type': 'iothread', id: 'io0' });
    await session.end();
    const next = await target.begin(context());
    t.not(pidOf(next), pid);
    await next.end();
  });
}

t.test('no process and no directory is left', async (t) => {
  t.same(leftovers(), []);
});

/** The session's process: the only child there is. */
function pidOf(_session: unknown): number {
  const [process] = leftovers().filter((left) => left.startsWith('process '));
  return Number(process?.slice('process '.length));
}

for (const { name, skip, create } of QEMUS) {
  t.test(`${name} has the image tools beside it`, { skip: skip || unless(QEMU_IMG, QEMU_IO) }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const { capabilities } = await target.identify();
    for (const capability of ['img', 'img:commit', 'image-io'])
      t.ok(capabilities.has(capability), capability);
    const session = await target.begin(context({ format: 'overlay' }));
    const file = `${session.directory}/disk.img`;
    t.match(await session.tools!.run('img', ['create', '-f', 'qcow2', 'disk.img', '1M'], ''), { code: 0 });
    const options = { driver: 'qcow2', 'node-name': 'd', file: { driver: 'file', filename: file } };
    t.same(await session.qmp('blockdev-add', options), { return: {} });
    t.match(await session.tools!.run('img', ['info', 'disk.img'], ''), { code: 1, stderr: /lock/ });
    await session.end();
  });
}
