import t, { type Test } from 'tap';
import { transcriptOf } from '../case/play/transcript.js';
import { normalise } from './normalise.js';

function normalised(text: string): string[] {
  const lines = transcriptOf(text.replace(/^\n/, ''));
  const once = normalise('img', lines, []);
  t.same(normalise('img', once, []), once, 'what is normalised stays as it is');
  return once.map((line) => line.text);
}

function same(t: Test, question: string, answer: string, expected: string): void {
  const indented = (text: string): string[] =>
    text.split('\n').map((line) => (line === '' ? '' : `   ${line}`.trimEnd()));
  t.same(normalised([question, ...indented(answer)].join('\n')), [question, ...indented(expected)]);
}

t.test('tool-name: before an error, and where help is', (t) => {
  for (const name of ['qemu-img', 'qbm img', 'img']) {
    same(t, 'img info x', `! ${name}: no x`, '! img: no x');
    same(t, 'img foo', `! Try '${name} --help' for more`, "! Try 'img --help' for more");
  }
  same(t, 'img info x', '! qemu-img: qemu-img: no x', '! img: qemu-img: no x');
  same(t, 'img info x', '! /opt/bin/qemu-img info: no x', '! img info: no x');
  same(t, 'img info', "! Try '/opt/bin/qemu-img info --help'", "! Try 'img info --help'");
  same(t, 'img convert', "! Try 'qemu-img bitmap --remove'", "! Try 'img bitmap --remove'");
  same(t, 'image-io x', '! qemu-io: no x', '! io: no x');
  t.same(normalised('observe x\n   ! qemu-img: a'), ['observe x', '   ! qemu-img: a']);
  t.end();
});

t.test('tool-advice: goes, and nothing else of the error', (t) => {
  same(
    t,
    'img commit x',
    "! img: no space\n! Nothing is lost: 'x' reads as before.\nexit 1",
    '! img: no space\nexit 1',
  );
  t.end();
});

t.test('io-time: the time goes, sizes and counts stay', (t) => {
  same(t, 'image-io x', '64 KiB, 1 ops; 00.00 sec (15.4 MiB/sec and 246.5 ops/sec)', '64 KiB, 1 ops');
  same(t, 'image-io x', '0.000 B, 12 ops; 01:02.03 sec (inf and inf)', '0.000 B, 12 ops');
  same(t, 'image-io x', '4 KiB, 1 ops; 3:52:26.82 (0.2 bytes/sec and 0.0001 ops/sec)', '4 KiB, 1 ops');
  same(t, 'image-io x', 'read failed: Input/output error', 'read failed: Input/output error');
  t.end();
});

t.test('io-usage: options and operands stay, and so does what only looks like it', (t) => {
  same(t, 'image-io x', 'discard [-Cq] off len -- discards a number of bytes', 'discard [-Cq] off len -- …');
  same(t, 'image-io x', "! read: invalid option -- 'x'", "! read: invalid option -- 'x'");
  const parsing = 'Parsing error: non-numeric argument -- [x -- y';
  same(t, 'image-io x', parsing, parsing);
  t.end();
});

t.test('io-prompt: prompts go, with the line if nothing else is on it', (t) => {
  const typed = 'image-io x\n> quit\n   qemu-io> qemu-io> 1 MiB\n   qemu-io>';
  t.same(normalised(typed), ['image-io x', '> quit', '   1 MiB']);
  t.same(normalised(typed.replaceAll('qemu-io', 'qbm io')), ['image-io x', '> quit', '   1 MiB']);
  t.end();
});

t.test('create-options: what all formats have stays, in its order', (t) => {
  same(
    t,
    'img create x',
    "Formatting 'x', fmt={format} cluster_size=65536 extended_l2=off compression_type=zlib size=1 backing_file=b lazy_refcounts=off refcount_bits=16",
    "Formatting 'x', fmt={format} size=1 backing_file=b",
  );
  same(t, 'img create x', '! img: cluster_size=1 is bad', '! img: cluster_size=1 is bad');
  t.end();
});

t.test('progress: its ends', (t) => {
  same(
    t,
    'img convert -p a b',
    '    (0.00/100%)\n    (1.00/100%)\n    (7.00/100%)\n    (100.00/100%)',
    '    (0.00/100%)\n    (100.00/100%)',
  );
  t.end();
});

t.test('info-order: bitmaps by name, all else in its place', (t) => {
  const listed = (...names: string[]): string =>
    names
      .map(
        (name, index) =>
          `        [${index}]:\n            flags:\n                [0]: auto\n            name: ${name}`,
      )
      .join('\n');
  const info = (...names: string[]): string =>
    `image: x\nfile format: {format}\n    bitmaps:\n${listed(...names)}\n\nimage: y`;
  same(t, 'img info x', info('b1', 'b2', 'b0'), info('b0', 'b1', 'b2'));
  t.end();
});

t.test('format-details, allocated-space: bitmaps and everything common stay', (t) => {
  same(
    t,
    'img info x',
    `image: x
file format: {format}
disk size: 388 KiB
cluster_size: 65536
backing file: y
Format specific information:
    compat: 1.1
    bitmaps:
        [0]:
            name: b0
    refcount bits: 16
Child node '/file':
    filename: x

image: y`,
    `image: x
file format: {format}
backing file: y
    bitmaps:
        [0]:
            name: b0

image: y`,
  );
  same(
    t,
    'img check x',
    'No errors were found on the image.\n1/16 = 6.25% allocated, 0.00% fragmented, 0.00% compressed clusters\nImage end offset: 262144',
    'No errors were found on the image.',
  );
  t.end();
});

t.test('map-owner: a data file is its image, areas are joined', (t) => {
  same(
    t,
    'img map top',
    `Offset          Length          Mapped to       File
0               0x10000         0x50000         top
0x10000         0x10000         0x90000         top
0x20000         0x10000         0x10000         base.data
0x30000         0x10000         0x30000         top
0x50000         0x10000         0x50000         top`,
    `Offset          Length          File
0               0x20000         top
0x20000         0x10000         base
0x30000         0x10000         top
0x50000         0x10000         top`,
  );
  t.end();
});

t.test('json-answer: laid out, without places, areas joined; an error after it stays', (t) => {
  same(
    t,
    'img map --output=json top',
    `[{ "start": 0, "length": 10, "zero": false, "offset": 5},
{ "start": 10, "length": 10, "zero": false, "offset": 50},
{ "start": 20, "length": 1, "zero": true}]
! img: late
exit 1`,
    `[{"length": 20, "start": 0, "zero": false}, {"length": 1, "start": 20, "zero": true}]
! img: late
exit 1`,
  );
  same(
    t,
    'img info --output=json top',
    '{"filename": "top", "actual-size": 1, "children": [], "cluster-size": 2, "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "bitmaps": [{"name": "b"}]}}}',
    '{"bitmaps": [{"name": "b"}], "filename": "top"}',
  );
  same(t, 'img info --output=json top', '{ "a": ', '{ "a":');
  t.end();
});
