import t from 'tap';
import { directoryFor } from '../directory-storage-for-tests.js';
import { HAS_QEMU_IMG, normal, ours, theirs, writeOurs, writeTheirs } from './beside-for-tests.js';

/** `F` stands for the format under test; `!` before a byte range writes: `! file offset length byte`. */
const SESSIONS: { readonly [title: string]: string } = {
  'create: sizes, options, mistakes': `
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

for (const [title, script] of Object.entries(SESSIONS)) {
  t.test(title, { skip: !HAS_QEMU_IMG && 'there is no qemu-img' }, (t) => {
    const [here, there] = [directoryFor(t), directoryFor(t)];
    for (const line of script
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
      const mine = words.map((word) => (word === 'F' ? 'qbm' : word));
      const its = words.map((word) => (word === 'F' ? 'qcow2' : word));
      t.same(differences(normal(ours(here, mine))), differences(normal(theirs(there, its))), line);
    }
    t.end();
  });
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
    .replace(/("data": \w+), "offset": \d+/g, '$1')
    .replace(/"format-specific": \{(?:.|\n)*?\n( +)\},\n(?= *"(?:full|dirty))/g, '')
    .replace(/"actual-size": \d+/g, '"actual-size": N')
    .replace(/^image: json:(.*)$/gm, (_, json: string) => `image: ${sorted(json)}`);
  return { ...answer, stdout };
}
