import t from 'tap';
import { Declined, type FormatPart, type Session } from '../../target/target.js';
import { inspectionLines, performFormat, reportLines } from './format.js';

const within = <T>(request: Promise<T>): Promise<T> => request;

/** A session that answers as it is told. */
function session(format: Partial<FormatPart>): Session {
  return { directory: '/case', format } as unknown as Session;
}

t.test('what a reader finds', (t) => {
  const facts = { granularity: 65536, recording: true, inconsistent: false };
  t.same(
    inspectionLines({
      size: 655360,
      bitmaps: [
        { ...facts, name: 'a 1', type: 'allocation', areas: [{ offset: 0, length: 65536 }] },
        { ...facts, name: 'b0', type: 'dirty', areas: [] },
        { ...facts, name: 'b1', type: 'dirty', recording: false, inconsistent: true, areas: null },
      ],
      backing: { file: 'vm/base', format: 'raw' },
    }),
    [
      '   size 655360',
      '   "a 1": allocation, granularity 65536',
      '      allocated 0+65536',
      '   b0: dirty, granularity 65536, recording',
      '      dirty none',
      '   b1: dirty, granularity 65536, inconsistent',
      '   backing "vm/base", raw',
    ],
  );
  t.same(inspectionLines({ size: 0, bitmaps: [], backing: null }), ['   size 0']);
  t.end();
});

t.test('what check finds has the order of the transcript', (t) => {
  const tail = { id: 'QBM-E-TAIL', severity: 'error', bitmap: 'b1' } as const;
  const inUse = { id: 'QBM-C-IN-USE', severity: 'damage', bitmap: null } as const;
  const findings = [inUse, tail, { ...tail, bitmap: 'b0' }];
  t.same(reportLines({ repaired: [], findings }), [
    '   error QBM-E-TAIL, bitmap b0',
    '   error QBM-E-TAIL, bitmap b1',
    '   damage QBM-C-IN-USE',
  ]);
  t.same(reportLines({ repaired: findings.slice(0, 2), findings: [] }), [
    '   repaired error QBM-E-TAIL, bitmap b1',
    '   repaired damage QBM-C-IN-USE',
    '   clean',
  ]);
  t.end();
});

t.test('refusals', async (t) => {
  const asked = { verb: 'descriptor', file: 'd', trust: 'stranger', verify: false } as const;
  const refused = async (error: object): Promise<string[]> =>
    performFormat(asked, session({ inspect: async () => ({ error }) as never }), within);
  const place = { line: 3, column: 14 };
  t.same(await refused({ id: 'QBM-E-JSON', place, text: 'in /case/d\n' }), [
    '<- error QBM-E-JSON 3:14: in $d\\n',
  ]);
  t.same(await refused({ id: 'QBM-E-LOOP', place: null, text: '' }), ['<- error QBM-E-LOOP']);
});

t.test('a target without the part declines', async (t) => {
  const file = { verb: 'file', file: 'd', content: { kind: 'size', size: 1 } } as const;
  await t.rejects(performFormat(file, { directory: null } as unknown as Session, within), Declined);
});
