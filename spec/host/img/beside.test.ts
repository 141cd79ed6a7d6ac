import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { directoryFor } from '../directory-storage-for-tests.js';
import { knowsHoles } from '../holes.js';
import { HAS_QEMU_IMG, normal, ours, theirs, writeOurs, writeTheirs } from './beside-for-tests.js';

/** `F` stands for the format under test; `!` before a byte range writes: `! file offset length byte`. */
const SESSIONS: { readonly [title: string]: string } = {
  'create: sizes, options, mistakes': `
    create json:[] 64k
    create -f F nonsense:x 1M
    create
    create -f F
    create -f F a
    create -f nonsense a 1M
    create -f raw a 1000
    info a
    create -f F a 1Q
    create -f F a -- -1
    create -f F a 1M 2M
    create -f F a 1.5k
    create -q -f F a 1M
    create -f F -o size=5M a
    create -f F -o size=5M a 3M
    create -f F -o cluster_size=4k a 1M
    create -f F -o cluster_size=foo a 1M
    create -f F -o nonsense=1 a 1M
    create -f raw -o preallocation=nonsense a 1M
    create -f F nowhere/a 1M
    create -f raw nowhere/a 1M
    create -f raw . 1M
    create -Z
    create --nonsense
    create -f
    info a`,
  'create: backing files': `
    create -f raw base.raw 4M
    create -f raw -b base.raw a.raw 1M
    create -f F -b base.raw a
    create -f F -b nowhere -F raw a
    create -f F -u -b nowhere -F raw a
    create -f F -u -b nowhere -F raw a 1M
    create -f F -b base.raw -F nonsense a 1M
    create -f F -b a -F F a 1M
    create -f F -F raw a 1M
    create -f F -b base.raw -F raw a
    create -f F -o backing_file=base.raw,backing_fmt=raw a 3M
    info a
    info --backing-chain a
    info --output=json a
    info --output=json --backing-chain a`,
  'info: names': `
    create -q -f raw a.raw 1M
    create -q -f F a 1M
    info nowhere
    info -f F a.raw
    info -f nonsense a
    info --output=xml a
    info a a.raw
    info
    info ''
    info nonsense:a
    info file:a
    info json:[]
    info json:{"driver":"raw","file":{"driver":"file","filename":"a.raw"}}
    info json:{"driver":"raw","offset":512,"file":{"filename":"a.raw"}}
    info json:{"file.filename":"a"}
    info json:{"driver":"raw","file":"nowhere"}
    info --image-opts driver=raw,file.driver=file,file.filename=a.raw
    info --image-opts driver=raw,file.filename=a.raw,nonsense=1
    info --image-opts driver=raw,file.filename=a.raw,file.nonsense=1
    info --image-opts driver=nonsense,file.filename=a.raw
    info --image-opts driver=raw,file.driver=nonsense,file.filename=a.raw
    info --image-opts driver=raw,file.filename=a.raw,read-only=nonsense
    info --image-opts driver=raw,size=nonsense,file.filename=a.raw
    info --image-opts driver=raw
    info --image-opts driver=file
    info --image-opts a
    info --image-opts filename=a
    info --image-opts -f raw driver=raw,file.filename=a.raw
    info -f F json:{"driver":"raw","file.filename":"a"}
    info --out=json -U a.raw
    info --ba a
    info -U -f raw a.raw
    info --object secret,id=s,data=x a
    info --object nonsense,id=s a
    info -f`,
  'map: a chain': `
    create -q -f raw base.raw 4M
    ! base.raw 0 4194304 1
    create -q -f F -b base.raw -F raw mid
    ! mid 65536 65536 3
    ! mid 2097152 512 4
    create -q -f F -b mid -F F top 5M
    ! top 131072 65536 5
    ! top 4194304 1000000 6
    map top
    map --output=json top
    map --output=json --start-offset=100k --max-length=1M top
    map --start-offset=10M top
    map --output=json --start-offset=10M top
    map --start-offset=-1 top
    map --max-length=nonsense top
    map --max-length=20E top
    map nowhere
    map
    map -f F top mid
    map --image-opts -f raw top`,
  convert: `
    create -q -f raw base.raw 4M
    ! base.raw 0 65536 1
    ! base.raw 1048576 65536 2
    create -q -f F -b base.raw -F raw mid
    ! mid 65536 65536 3
    ! mid 2097152 512 4
    create -q -f F -b mid -F F top 5M
    ! top 131072 65536 5
    ! top 4500000 100000 6
    convert top flat.raw
    compare top flat.raw
    map flat.raw
    convert -O F top flat
    map flat
    map --output=json flat
    info flat
    compare top flat
    convert -p -O F top flat
    convert -O F -B base.raw -F raw mid m2
    map --output=json m2
    compare mid m2
    convert -O F -B base.raw mid m2
    convert -O F -o backing_file=base.raw,backing_fmt=raw mid m3
    compare mid m3
    info m3
    create -q -f F -b base.raw -F raw long 6M
    ! long 5000000 1000 7
    convert -O F -B base.raw -F raw long m4
    map --output=json m4
    compare long m4
    convert -O raw -B base.raw -F raw mid m2.raw
    convert -c -O raw top c.raw
    convert -n -O raw top nope.raw
    convert -n -O F top flat
    compare top flat
    create -q -f F small 1M
    convert -n -O F top small
    create -q -f raw small.raw 1M
    convert -n -O raw top small.raw
    convert -n -O raw -o nonsense=2 top small.raw
    convert nope x.raw
    convert top
    convert
    convert -O nonsense top x
    convert -O F -o nonsense=2 top x
    convert -O F top nowhere/x
    convert -S nonsense top x.raw
    convert -S 1 top x.raw
    convert -S 0 top full.raw
    map --output=json full.raw
    convert -S 0 -O F top full
    map --output=json full
    compare full top
    convert -S 64k -O F top full2
    map --output=json full2
    convert -f raw -O raw flat.raw flat.raw
    convert -f raw -O F flat.raw flat.raw
    convert -O F top top
    convert -O F top mid
    compare top flat
    convert -m 0 top x.raw
    convert -m 17 top x.raw
    convert -W -m 2 top x.raw
    convert --target-image-opts top driver=raw,file.filename=x.raw
    convert -n --target-image-opts top driver=raw,file.filename=x.raw
    compare top x.raw
    convert --bitmaps -O raw top x
    convert --bitmaps -f raw -O F base.raw x
    convert --skip-broken-bitmaps top x
    convert base.raw flat.raw -O F cat
    info cat
    map --output=json cat
    convert base.raw flat.raw -B base.raw -F raw -O F cat
    convert -l nonsense top x.raw
    convert -t nonsense top x.raw
    convert -T nonsense top x.raw
    convert --salvage top x.raw
    convert --target-is-zero top x.raw
    convert -C -q top x.raw
    create -q -f raw empty.raw 0
    convert -O F empty.raw e
    compare empty.raw e
    map empty.raw
    map --output=json empty.raw`,
  commit: `
    CHAIN
    commit top
    map top
    map mid
    map --output=json top
    map --output=json mid
    info mid
    compare top mid
    CHAIN
    commit -d top
    map top
    compare top mid
    commit -b base.raw top
    map top
    map --output=json top
    info base.raw
    map base.raw
    CHAIN
    commit -b base.raw top
    map top
    compare top base.raw
    commit -b nowhere top
    commit -b top top
    commit base.raw
    commit -f raw base.raw
    commit -p top
    commit -q top
    commit -b ./base.raw top
    commit nowhere
    commit
    commit -t nonsense top
    commit -r nonsense top
    commit -r 1M top
    check top
    check mid`,
  rebase: `
    CHAIN
    rebase -b base.raw -F raw top
    map top
    info top
    rebase -b '' top
    info top
    map top
    map --output=json top
    CHAIN
    rebase -p -b '' top
    CHAIN
    rebase -b base.raw top
    CHAIN
    rebase -u -b base.raw -F raw top
    map top
    rebase -u -b nowhere -F raw top
    info top
    rebase -b base.raw -F raw top
    rebase -u -b '' top
    info top
    rebase -u -b base.raw top
    CHAIN
    rebase -b nowhere -F raw top
    rebase top
    rebase -b base.raw -F nonsense top
    rebase -u -b base.raw -F nonsense top
    rebase -b base.raw -F raw base.raw
    rebase -u -b base.raw -F raw base.raw
    rebase nowhere -b base.raw
    rebase -b top -F F top
    rebase -b mid -F F top
    map top
    rebase -b x top y
    rebase -t nonsense -b x top
    rebase -q -b mid -F F top
    create -q -f raw other.raw 6M
    ! other.raw 131072 65536 7
    ! other.raw 4980736 524288 8
    convert top flat.raw
    rebase -b other.raw -F raw top
    map top
    map --output=json top
    compare -f F -F raw top flat.raw`,
  resize: `
    create -q -f raw r.raw 1M
    create -q -f F c 1M
    ! c 1000000 1000 1
    resize r.raw 2M
    resize -f raw r.raw 1M
    resize -f raw --shrink r.raw 1M
    resize -f raw r.raw +1M
    resize -f raw r.raw -- -1M
    resize -f raw --shrink r.raw -- -1M
    resize -f raw --shrink r.raw -1M
    resize -f raw r.raw nonsense
    resize -f raw r.raw 0
    resize -f raw r.raw 1500000
    info r.raw
    resize r.raw
    resize
    resize -f raw --preallocation=full r.raw 1M
    resize -f raw --preallocation=nonsense r.raw 2M
    resize -f raw r.raw +0
    resize -f F c 2M
    resize -f F c 1500000
    resize -f F c -- -100M
    resize -q -f F c 3M
    resize -f F --shrink c 512k
    map c
    resize -f F c 3M
    info c
    map --output=json c
    check c
    resize -f F c +
    resize -f F c ''
    resize nope 1M
    resize -f F c +9E
    resize -f F c 1T extra
    resize --image-opts driver=raw,size=1M,file.filename=r.raw 2M
    resize json:{"driver":"raw","read-only":true,"file.filename":"r.raw"} 4M`,
  'names of backing files in another directory': `
    mkdir sub
    create -q -f F sub/old 1M
    create -q -f F sub/new 1M
    create -q -f F new 1M
    ! sub/old 0 131072 1
    ! sub/new 0 65536 1
    ! new 0 65536 3
    create -q -f F -b old -F F sub/top
    create -q -f F -b sub/old -F F sub/wrong
    ! sub/top 262144 65536 2
    info sub/top
    info --backing-chain sub/top
    rebase -b new -F F sub/top
    info sub/top
    map sub/top
    map --output=json sub/top
    rebase -b sub/new -F F sub/top
    rebase -b nothing -F F sub/top
    rebase -u -b old -F F sub/top
    info sub/top
    map sub/top
    commit -b none/old sub/top
    commit sub/top
    map sub/old
    convert -O F -B old -F F sub/top sub/copy
    info sub/copy
    compare sub/top sub/copy`,
  'progress of what fails, and sizes that are none': `
    create -q -f F base 1M
    create -q -f F base2 1M
    create -q -f F -b base -F F top
    rebase -p -u -b base2 -F F top
    rebase -p -b base -F F top
    create -q -f raw r.raw 1M
    rebase -p -u -b x -f raw r.raw
    rebase -p -b x -F F nowhere
    rebase -p -b x -F nonsense top
    commit -p top
    commit -p base
    commit -p nowhere
    commit -p -b nowhere top
    resize base 16E
    resize base -- -16E
    resize -f raw r.raw +99999999999999999999
    resize -f raw r.raw 1x
    create -f raw -o size=16E x
    create -f F -o cluster_size=16E x 1M
    info --image-opts driver=raw,size=16E,file.filename=r.raw
    create -q -f F long 2M
    ! base 0 65536 1
    ! long 0 2097152 2
    convert -O F -B long -F F base copy
    compare base copy
    map --output=json copy`,
  bitmap: `
    create -q -f F a 1M
    create -q -f raw r.raw 1M
    bitmap --add a b0
    bitmap --add a b0
    bitmap --add -g 4k a b1
    bitmap --add -g 3k a b2
    bitmap --add -g nonsense a b2
    bitmap -g 4k --remove a b2
    bitmap --remove a b2
    ! a 65536 65536 1
    bitmap --merge b1 a b0
    bitmap --merge b9 a b0
    bitmap --disable a b0
    bitmap --enable a b0
    bitmap --clear a b0
    bitmap a b0
    bitmap --add a
    bitmap --add r.raw b0
    bitmap --add -f raw r.raw b0
    bitmap -F F --add a b3
    bitmap -b a --add a b3
    bitmap --add --merge b0 --merge b1 --disable a b4
    bitmap --merge b0 -b nope a b4
    bitmap --merge b0 -b a -F F a b4
    bitmap --add a ''
    bitmap --remove --add -g 64k a b0
    bitmap --nonsense a b0
    bitmap --merge
    bitmap --add a b5 b6
    bitmap --add nope b5
    bitmap --clear --merge b1 a b0
    create -q -f F d 2M
    bitmap --add d x
    bitmap --merge x -b d a b0
    bitmap --merge x -b d -F raw a b0
    bitmap --add -b d --merge y a b7
    bitmaps a
    convert --bitmaps -O F a copy
    bitmaps copy`,
  'check and compare': `
    create -q -f raw a.raw 1M
    create -q -f F a 1M
    create -q -f F b 2M
    check a
    check a.raw
    check -q a
    check -r all a
    check -r nonsense a
    check nowhere
    check -T nonsense a
    compare a a
    compare a a.raw
    compare -s a a
    compare -s a b
    compare a b
    ! a 131072 1024 7
    compare a a.raw
    compare a.raw a
    compare -q a a.raw
    compare -p a a
    ! b 131072 1024 7
    compare a b
    ! b 1048576 512 8
    compare a b
    compare b a
    compare a nowhere
    compare nowhere a
    compare -f nonsense a b
    compare -f raw -F raw a.raw a.raw
    compare a
    compare a b a
    compare -Z a b
    compare --nonsense a b`,
};

/** Maps of raw files are the same only where their holes are seen. */
const SKIP =
  (!HAS_QEMU_IMG && 'there is no qemu-img') ||
  (!knowsHoles() && 'holes cannot be seen: koffi is not installed');

/** Three layers, each with something of its own. */
const CHAIN = `create -q -f raw base.raw 4M
    ! base.raw 0 65536 1
    ! base.raw 1048576 65536 2
    create -q -f F -b base.raw -F raw mid
    ! mid 65536 65536 3
    ! mid 2097152 512 4
    create -q -f F -b mid -F F top 5M
    ! top 131072 65536 5
    ! top 4500000 100000 6`;

/** Milliseconds; hundreds of programs are run. */
t.setTimeout(240_000);

for (const [title, script] of Object.entries(SESSIONS)) {
  t.test(title, { skip: SKIP }, (t) => {
    const [here, there] = [directoryFor(t), directoryFor(t)];
    for (const line of script
      .replaceAll('CHAIN', CHAIN)
      .trim()
      .split('\n')
      .map((one) => one.trim())) {
      const words = line.split(' ').map((word) => (word === "''" ? '' : word));
      if (words[0] === '!') {
        const [, name, ...numbers] = words;
        const [offset, length, byte] = numbers.map(Number) as [number, number, number];
        writeOurs(here, name!, offset, length, byte);
        writeTheirs(there, name!, offset, length, byte);
        continue;
      }
      if (words[0] === 'mkdir') {
        for (const directory of [here, there]) mkdirSync(join(directory, words[1]!));
        continue;
      }
      if (words[0] === 'bitmaps') {
        const list = ['info', '--output=json', words[1]!];
        t.same(bitmapsIn(ours(here, list).stdout), bitmapsIn(theirs(there, list).stdout), line);
        continue;
      }
      const mine = words.map((word) => (word === 'F' ? 'qbm' : word));
      const its = words.map((word) => (word === 'F' ? 'qcow2' : word));
      t.same(differences(normal(ours(here, mine))), differences(normal(theirs(there, its))), line);
    }
    t.end();
  });
}

function bitmapsIn(text: string): unknown {
  // QBM-013: a descriptor is sorted, qcow2 has the order in which they were stored.
  const listed: { name: string }[] = JSON.parse(text)['format-specific'].data.bitmaps;
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a name that is JSON says; the order of its members means nothing. */
function sorted(json: string): string {
  return JSON.stringify(Object.entries(JSON.parse(json)).sort());
}

/** A map's place in the file is the format's own matter, and the data file counts as the image. */
function differences(answer: ReturnType<typeof normal>) {
  const stdout = answer.stdout
    .replace(
      /^(0\S* +0x\S+ +)0\S*( +.*?)(?:\.data)?$/gm,
      (_, area: string, file: string) => `${area}AT ${file.trim()}`,
    )
    .replace(/(\(0\.00\/100%\)\r)[^\n]*(\(100\.00\/100%\)\r)/g, '$1$2')
    .replace(/("data": \w+), "offset": \d+/g, '$1')
    .replace(/"format-specific": \{(?:.|\n)*?\n( +)\},\n(?= *"(?:full|dirty))/g, '')
    .replace(/"actual-size": \d+/g, '"actual-size": N')
    .replace(/^image: json:(.*)$/gm, (_, json: string) => `image: ${sorted(json)}`);
  return { ...answer, stdout: joined(stdout) };
}

/** Areas of a map that only their place in the file told apart are one. */
function joined(map: string): string {
  const row = /^((?:\[\{|\{) "start": |)(0x[0-9a-f]+|\d+)(, "length": | +)(0x[0-9a-f]+|\d+)(.*?)([,\]]?)$/;
  const lines: string[] = [];
  for (const line of map.split('\n')) {
    const [before, here] = [row.exec(lines.at(-1) ?? ''), row.exec(line)];
    const isNext =
      before !== null &&
      here !== null &&
      before[5] === here[5] &&
      Number(before[2]) + Number(before[4]) === Number(here[2]);
    if (isNext) {
      const length = Number(before[4]) + Number(here[4]);
      const shown = before[4]!.startsWith('0x') ? `0x${length.toString(16)}` : String(length);
      lines[lines.length - 1] = `${before[1]}${before[2]}${before[3]}${shown}${before[5]}${here[6]}`;
    } else lines.push(line);
  }
  return lines.join('\n');
}
