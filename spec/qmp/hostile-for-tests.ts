/** Inputs that a monitor must survive, and answer as QEMU does. Only tests import this. */

const bytes = (...values: (number | string)[]): Uint8Array =>
  Uint8Array.from(values.flatMap((v) => (typeof v === 'number' ? [v] : [...new TextEncoder().encode(v)])));
const VERSION = '{"execute":"query-version"}';

/** What is wrong as JSON, or only as QEMU's JSON, or looks wrong and is not. */
export const HOSTILE_TEXTS: readonly (string | Uint8Array)[] = [
  ...[
    '{"execute":}',
    'foo',
    '}',
    ']',
    '[}',
    '{]',
    '{"a":]}',
    '{"a":{]}}',
    '[{]}',
    '{"a":[}]',
    VERSION.replace('}', ']}'),
  ],
  ...[
    '[1,]',
    '{"a":1,}',
    '{,}',
    '[,]',
    '[1,,2]',
    ':',
    ',',
    '{:1}',
    '{"a":1:2}',
    '{"a"}',
    '{"a",}',
    '{"a" 1}',
  ],
  ...[
    '{1:2}',
    '{[]:1}',
    '{"a":1,2}',
    '{"a":1,"b"}',
    '{"a":1 "b":2}',
    '[1 2]',
    '{"a":1,"a":2}',
    '{"a":1,"a":}',
  ],
  ...[
    '01',
    '-01',
    '00',
    '+1',
    '.5',
    '1.',
    '1.e5',
    '1e',
    '1e+',
    '-',
    '--1',
    '-a',
    '-"a"',
    '1.5x',
    '0x10',
    '1a',
    '0e1',
  ],
  ...[
    '-0e1',
    '1e5e5',
    '1e5.5',
    '1.5.6',
    '1-2',
    '1"a"',
    '1 2 3',
    '1e999',
    '-0',
    '18446744073709551616',
    '0.5',
  ],
  ...[
    'nul',
    'True',
    'truex',
    'true1',
    'null"a"',
    'abc def',
    'a\tb',
    'NaN',
    'Infinity',
    '-Infinity',
    'undefined',
  ],
  ...[
    '%d',
    '[%s]',
    '%foo"',
    '/* c */',
    '// c',
    '\\',
    'a\\b',
    '@ @',
    '@\t@',
    '@\r@',
    '@@,@',
    '{"a":A,"b":2}',
    '#',
    ';',
  ],
  ...[
    '"abc',
    '"',
    "'",
    '"\\',
    '"abc\n"',
    '"a\tb"',
    '"\\v"',
    '"\\U0041"',
    "'a\"b'",
    "'\\\"'",
    '"\\\'"',
    '{"a\'":1}',
  ],
  ...['"\\u12"', '"\\u12G4"', '"\\u"', '"\\ud800"', '"\\ud800x"', '"\\udc00\\ud800"', '"\\ud83d\\u0041"'],
  ...['"\\ud83d\\u12"', '"\\ud83d\\\\"', '"\\uFFFE"', '"\\ufdd0"', '"\\ud83f\\udfff"', '"\\u1\u00fc2"'],
  ...[
    "{'execute':'query-version'}",
    `${VERSION}${VERSION}`,
    `${VERSION},${VERSION}`,
    `${VERSION}}${VERSION}`,
  ],
  ...[`${VERSION}x`, `abc${VERSION}`, `1${VERSION}`, `"abc"${VERSION}`, `\ufeff${VERSION}`, `[[[@${VERSION}`],
  ...['{"execute":"\\ud83d\\ude00"}', '{"execute":"a\\u0000b"}', '{"execute":"\u00fc\u20ac\u{1f600}"}'],
  ...[
    '{"execute":"\\u001f\\/"}',
    '{"execute":"\\"\\b\\f\\n\\r\\t\\\\"}',
    '{"execute":"\u007f"}',
    '[1\u0000 2]',
    '\v',
    '\f',
  ],
  ...['['.repeat(1024) + ']'.repeat(1024), '['.repeat(1025), `{"id":${'['.repeat(1023)}${']'.repeat(1023)}}`],
  ...[bytes('{"execute":"a', 0xff, 'b"}'), bytes('"a', 0xff, 0xff), bytes(0xfe), bytes(0xff), bytes(0)],
  ...[
    bytes('{"execute":"a', 0xc0, 0xaf, '"}'),
    bytes('{"execute":"', 0xc0, 0x80, '"}'),
    bytes('"', 0xed, 0xa0, 0x80, '"'),
  ],
  ...[
    bytes('"', 0xef, 0xbf, 0xbf, '"'),
    bytes('"', 0xf4, 0x90, 0x80, 0x80, '"'),
    bytes('"', 0xe2, 0x82, '"'),
  ],
  ...[
    bytes('"', 0x80, 0xe2, 0x82, 0xf8, 0x88, 0x80, 0x80, 0x80, 0xc1, 0x81, 'z', 0xc0, 0x80, 1),
    bytes('"a', 0, 'b"'),
  ],
  ...[
    bytes('"\\u12', 0xe9, 0x80, '"'),
    bytes('"\\', 0x80, '"'),
    bytes(0xe2, 0x82, 0xac),
    bytes('"', 0xfc, 0x84, '"'),
  ],
  ...[bytes('{"execute":"que', 0xff, VERSION), bytes('{"a":1', 0xff, VERSION), bytes('"a', 0, 0xff, '"')],
];

/** What is right as JSON and wrong as a command, one mistake each. */
export const HOSTILE_ENVELOPES: readonly string[] = [
  ...[
    '[1]',
    '1',
    '"a"',
    'null',
    'true',
    '[]',
    '{}',
    '{"id":5}',
    '{"foo":1}',
    '{"id":{"a":[1]},"foo":1}',
    '{"":1}',
  ],
  ...['{"execute":1}', '{"execute":null}', '{"id":5,"execute":7}', '{"arguments":{}}', '{"arguments":1}'],
  ...['{"execute":"query-version","arguments":[]}', '{"execute":"query-version","arguments":null}'],
  ...['{"execute":"query-version","arguments":{"x":1}}', '{"execute":"query-version","arguments":{"":1}}'],
  ...['{"execute":"query-version","x":1}', '{"execute":"query-version","exec-oob":"b"}', '{"exec-oob":"x"}'],
  ...['{"exec-oob":1}', '{"execute":""}', '{"execute":"Query-version"}', '{"execute":"query-versio"}'],
  ...['{"execute":"qmp_capabilities","id":3}', '{"execute":"qmp_capabilities","arguments":{"x":1}}'],
  ...['{"execute":"qmp_capabilities","arguments":{"enable":["x"]}}', '{"execute":"x","id":-0}'],
  ...['{"execute":"x","id":18446744073709551615}', '{"execute":"x","id":18446744073709551616}'],
  ...['{"execute":"x","id":-9223372036854775809}', '{"execute":"x","id":-9223372036854775808}'],
  ...[
    '{"execute":"x","id":0.1}',
    '{"execute":"x","id":1E2}',
    '{"execute":"x","id":1e-400}',
    '{"execute":"x","id":null}',
  ],
  ...[
    '{"execute":"x","id":{"b":[],"a":{}}}',
    '{"execute":"x","id":"\\u00fc\\u0000"}',
    '{"execute":"__proto__"}',
  ],
];

const NUMBERS = ['4294967296', '-1', '65536.0', '"65536"', '9223372036854775807', '9223372036854775808']
  .concat(['18446744073709551615', '18446744073709551616', '-9223372036854775808', '-9223372036854775809'])
  .concat(['null', 'true', '[]', '{}', '1e3', '-0', '-0.0', '""', '-4294967296', '-4294967295']);
const LISTS = [
  '1',
  '"a"',
  '{}',
  'null',
  '[1]',
  '[null]',
  '[true]',
  '[[]]',
  '[{}]',
  '[{"node":"n"}]',
  '[1.5]',
  '["a",1]',
]
  .concat([
    '[{"node":1,"name":"x"}]',
    '[{"node":"n","name":"x","y":1}]',
    '["a",{"name":3}]',
    '["a",{"node":"x","name":"b","q":1}]',
  ])
  .concat(['[]']);
const ACTIONS = [
  '1',
  '{}',
  'null',
  '[1]',
  '[null]',
  '[[]]',
  '["a"]',
  '[{}]',
  '[{"type":1}]',
  '[{"type":"Abort"}]',
]
  .concat([
    '[{"type":""}]',
    '[{"type":"abort"}]',
    '[{"data":{}}]',
    '[{"type":"abort","data":1}]',
    '[{"type":{}}]',
  ])
  .concat([
    '[{"type":"abort","data":{"x":1}}]',
    '[{"type":"abort","data":{},"z":1}]',
    '[{"type":"abort","z":1}]',
  ])
  .concat(['[{"type":"block-dirty-bitmap-clear","data":{}}]', '[{"type":"abort\\u0000","data":{}}]'])
  .concat(
    LISTS.map(
      (l) =>
        `[{"type":"abort","data":{}},{"type":"block-dirty-bitmap-merge","data":{"node":"n","target":"t","bitmaps":${l}}}]`,
    ),
  )
  .concat(
    NUMBERS.map(
      (g) =>
        `[{"type":"block-dirty-bitmap-add","data":{"node":"none","name":"b","granularity":${g},"x":1},"y":1}]`,
    ),
  );
const REFERENCES = [
  '1',
  'null',
  '[]',
  'true',
  '1.5',
  '{}',
  '{"driver":"null-co","x":1}',
  '{"driver":"null-co","size":"x"}',
].concat([
  '{"driver":"raw","file":3}',
  '{"driver":"raw","file":{"driver":"raw"}}',
  '{"driver":"raw","file":{"driver":"q"}}',
]);

/** Commands of the mirror with arguments, most of them wrong. No object has two unexpected members (QMP-029). */
export const HOSTILE_ARGUMENTS: readonly (readonly [command: string, args: string])[] = [
  ...[
    '{}',
    '{"name":"a"}',
    '{"node":1}',
    '{"node":1,"name":2}',
    '{"node":null}',
    '{"node":[]}',
    '{"node":{}}',
    '{"x":1}',
  ]
    .concat([
      '{"x":1,"node":"n"}',
      '{"x":1,"node":"n","name":1}',
      '{"x":1,"node":"n","name":"a","granularity":"q"}',
    ])
    .concat(['{"x":1,"node":"n","name":"a"}', '{"node":"n","name":"a","granularity":7,"disabled":1,"zz":1}'])
    .concat(['{"node":"n","name":"a","__proto__":1}', '{"node":"n","name":"a","constructor":1}'])
    .map((a) => ['block-dirty-bitmap-add', a] as const),
  ...NUMBERS.map((g) => ['block-dirty-bitmap-add', `{"node":"none","name":"a","granularity":${g}}`] as const),
  ...['0', '"on"', 'null', '[]', '{}', '1.0'].map(
    (p) => ['block-dirty-bitmap-add', `{"node":"n","name":"a","persistent":${p},"granularity":512}`] as const,
  ),
  ...LISTS.map((l) => ['block-dirty-bitmap-merge', `{"node":"none","target":"t","bitmaps":${l}}`] as const),
  ...['{"bitmaps":[1]}', '{"node":"n","target":"t"}'].map((a) => ['block-dirty-bitmap-merge', a] as const),
  ...['{}', '{"node":"n"}', '{"node":"n","name":"a","x":{}}'].map(
    (a) => ['x-debug-block-dirty-bitmap-sha256', a] as const,
  ),
  ...['{"size":"a"}', '{"node-name":"n"}', '{}', '{"device":1}', '{"size":1,"node-name":1,"device":"a"}'].map(
    (a) => ['block_resize', a] as const,
  ),
  ...NUMBERS.map((s) => ['block_resize', `{"node-name":"none","size":${s}}`] as const),
  ...ACTIONS.map((a) => ['transaction', `{"actions":${a}}`] as const),
  ...[
    '{}',
    '{"actions":[],"properties":1}',
    '{"actions":[],"properties":{"completion-mode":1}}',
    '{"properties":1}',
  ]
    .concat(['{"actions":[],"properties":{"completion-mode":"x"}}', '{"actions":[],"properties":{"x":"x"}}'])
    .concat(['{"actions":[],"properties":null}', '{"actions":[],"x":{}}', '{"properties":1,"actions":[{}]}'])
    .map((a) => ['transaction', a] as const),
  ...REFERENCES.map((r) => ['blockdev-add', `{"driver":"raw","node-name":"r","file":${r}}`] as const),
  ...[
    '{}',
    '{"driver":1}',
    '{"driver":"x"}',
    '{"node-name":1,"driver":"q"}',
    '{"driver":"raw","node-name":"r"}',
  ]
    .concat([
      '{"driver":"null-co","node-name":1}',
      '{"driver":"null-co","cache":1}',
      '{"driver":"null-co","discard":"x"}',
    ])
    .concat(['{"driver":"null-co","cache":{"direct":1}}', '{"driver":"null-co","cache":{"x":1}}'])
    .concat(['{"driver":"null-co","foo":1,"size":1.5}', '{"driver":"null-co","node-name":"b","foo":1}'])
    .map((a) => ['blockdev-add', a] as const),
  ...NUMBERS.map(
    (n) => ['blockdev-add', `{"driver":"null-co","node-name":"b","latency-ns":${n},"z":1}`] as const,
  ),
];
