/** What is given to qbm io and to a real qemu-io. */

/** Sizes, of which many are none. */
export const SIZES = `
  0 1 1b 1B 1k 1K +5 -5 0X10 0xg 0x1.8 0x1k 0x1b .5k 1.k .k . 1e3 1.5e3k 1e 1E 010 00 0b 0.0001k 0.0004k
  0.0005k 1.0 1.0b 1.5b 9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616
  18446744073709551616k 0xffffffffffffffff 0x7fffffffffffffff 0x10000000000000000 7.99999999999999999999E
  7.9999999E 16E inf nan 1.inf 1.5.5k 1.5K5 0x 0xk x 1.-5k 1.5p 1T 1.e 1.e5 0.9999999999999999k
  0.99999999999999999999k 0.00048828125k 0.000488281249k 1..5k 1.0xk 0.k 1.5eEk +-5 ++5 1e+5 2G 2147483136
  2147483137 1025k \t5 \u000b5 1.5M 99999999999999999999999.5k 0.001E 00x10
`
  .trim()
  .split(/[ \n]+/);

/** Commands, a run a line. The image is a.raw, one mebibyte long. */
export const RUNS = table(
  `
read 0 512; read -C 0 512; read -v 0 20; read -q -v 0 16; read -qp 0 1
write -P 65 10 40; read -v 0 64; readv -v 3 1 20; read -v 0x1000 17
write -P 1 0 1M; read -P 1 -s 100 -l 10 0 512; read -P 2 -s 100 -l 10 0 512; read -P 2 0 512
read -P 0 -s 100 -l 500 0 512; read -P 0 -s 513 0 512; read -P 0 -s 512 0 512; read -P 0 -l 0 0 512
read -s 1 0 512; read -l 1 0 512; read -P 0 -s x 0 1; read -P 0 -l 1x 0 1
read -P 256 0 1; read -P -1 0 1; read -P 0xff 0 1; read -P 010 0 1; read -P 08 0 1; read -P x 0 1; read -P "" 0 1; read -P 1k 0 1; read -P +5 0 1; read -P 0x 0 1; read -P 0xg 0 1; read -P 99999999999999999999 0 1; read -P -99999999999999999999 0 1; read -P -0 0 1; read -P 0b1 0 1; read -P \t7 0 1
read; read 1; read 1 2 3; read -x 0 1; read -1 0; read -P; read 0 1 -P; read 0 -q 1
read 0 1 -qP0; read -- -1 5; read -- 0 -5; read --; read -- 0; read -- 0 1 -q; read - -; read -: 0 1
read --foo 0 1; read -q- 0 1; foo; ;    ;  length ; READ 0 1; read\t0 1; rename 1
read 1M 1; read 1M 0; read 2M 0; read 0 1025k; discard 0 2147483136; read 7E 1; read 8E 1
read -b 0 512; read -b 1 512; read -b 0 1; read -b 9007199254740993 512
write 0 1; write -z 0 1k; write -zu 0 1k; write -u 0 1; write -n 0 1; write -zn 0 1k
write -b 0 512; write -b 1 2; write -c 0 512; write -c 1 512; write -bz 0 1; write -cz 0 512
write -fb 0 1; write -fc 0 512; write -f 0 512; write -zP 1 0 1; write -P 1 -s abc 0 1; write -C 0 1k
write -s none 0 1; write -s empty 0 1; write -s abc 0 10; write -s abc 20 2; write -s . 0 2; read -v 0 32
write 1M 1; write -z 1M 1; write -z 0 2G; write -z 0 3G; write -zn 0 3G; write 0 2G; write -czP 1 0 1
writev 0 512 512; writev 0 1 3k; writev 0; writev 0 2G; writev 0 1G 1G; writev 0 0x; writev 1M 1
writev -P 5 0 1 2; readv -v 0 1 2; readv -P 6 0 1 2; readv -P 5 0 1 2; readv 1M 1; readv -p 0 1; readv -C 0 0 0
aio_write -P 3 0 512; aio_flush; aio_read -P 3 0 512; aio_flush; aio_read -P 1 0 16; aio_flush; aio_read -v 505 16
aio_read 1M 16; aio_flush; aio_write 1M 16; aio_flush; aio_write -z 0 16; aio_flush; aio_write -z 0 16 16
aio_write -u 0 16; aio_write -i 0 16; aio_read -i 0 16; aio_write -i; aio_write -i 0; aio_write -zC 0 16
aio_write -z 0 3G; aio_flush; aio_write -z 0 7E; aio_flush; aio_write -q 0 1; aio_write -zP 1 0 16; aio_flush; sleep 10
discard 0 64k; discard -C 0 64k; discard 0 2G; discard 1M 1; discard -x 0 1; discard 0; discard 1 2 3; discard -q 0 1
write 0 1M; discard 64k 64k; write -zu 256k 64k; read -P 0 64k 64k
alloc 0; alloc 0 1M; alloc 0 2M; alloc 2M 1k; alloc 1M; alloc; alloc 1 2 3; alloc x; alloc 0 x; alloc -1
alloc 1.5k; alloc 1000; alloc 0 7E; alloc 7E 1; alloc 0 0; alloc 7E 7E; map; map x
length; length 1; truncate 2M; length; truncate 1000; length; map; truncate 1M; l; read -P 0 0 1M
truncate -1; truncate x; truncate -m off 1M; truncate -m full 1M; truncate -m x 1M; truncate -m falloc 2M; length
truncate -m metadata 2M; truncate; truncate 1 2; length; truncate 1M 2 3 4; truncate -x 1M; truncate 8E; truncate 7E
truncate -m full 1k; truncate -m falloc 512; truncate -- 1M; length
info; i x; flush; flush 1; sleep 1; sleep; sleep -1; sleep x; sleep 09; sleep 0x1; sleep 1 2
read 0 1088; read 0 1216; read 0 1920; read 0 1025; read 0 1535; alloc 1088; read 0 1000; readv 0 1023 17
length; quit; length
quit 1 2; length
close 1; close; close 1; reopen; reopen -x; open; quit
close; length; close; read 0; open -o driver=raw,offset=512,size=1024 a.raw; length; write -P 1 0 1024; write 1024 1
open a.raw; length; open; open -x a.raw; open a b; open -o; help foo; help read write; read 0 1; ??
close; open -t foo a.raw; open -d foo a.raw; open -i foo a.raw; open -k -o driver=raw a.raw; open nonexist; open -r
close; open -r -o driver=raw a.raw; write 0 1; read 0 1; truncate 1; discard 0 1; aio_write 0 1; flush
close; open -o driver=raw -o read-only=on a.raw; open -o driver=raw,foo=1 a.raw; open -nU -r -o driver=raw a.raw; length
close; open -o read-only=x,driver=raw a.raw; open -o driver=null-co,size=1M; info; length; map; alloc 0 1M
reopen -r; write 0 1; reopen -w; write 0 1; reopen -rw; reopen x; reopen -z; reopen -c foo; reopen -c writeback
reopen -o foo=bar; reopen -r -o read-only=on; reopen -c none -o cache.direct=on; reopen -o driver=qbm; reopen; write 0 1
reopen -o size=1k; length; write -P 9 0 1k; write 1k 1
r 0 1; w 0 1; d 0 1; a 0; t 1M; f; i; l; c; l; q
`,
  '; ',
);

/** Whole command lines. */
export const LINES = table(
  `
-c | length
-f | raw | -c | length | odd.raw | -c | map | -c | alloc 0 1024 | -c | read 900 124 | -c | write 1000 24
-f | foo | -c | length | a.raw
-c | length | a.raw
-c | length | nonexist
-f | raw | -c | length | nonexist
-f | raw | -c | length | .
-f | raw |  | -c | length
-c | length | nosuchdir/x
--cmd | length | -f | raw | a.raw
--cm=length | --form | raw | a.raw
-r | -f | raw | -c | write 0 1 | -c | discard 0 1 | -c | truncate 5k | -c | flush | -c | aio_write 0 1 | -c | reopen -w | -c | write 0 1 | a.raw
-n | -f | raw | -c | read 0 512 | a.raw
-t | foo | a.raw
-t | writethrough | -f | raw | -c | write 0 1 | a.raw
-t | unsafe | -f | raw | -c | write 0 1 | a.raw
-d | foo | a.raw
-d | off | -f | raw | -c | write 0 64k | -c | discard 0 64k | -c | read -P 0xcd 0 64k | a.raw
-i | foo | a.raw
-i | native | -f | raw | -c | length | a.raw
-k | -f | raw | -c | length | a.raw
-U | -f | raw | -c | length | a.raw
-U | -r | -f | raw | -c | length | a.raw
-m | -f | raw | -c | write 3 5 | a.raw
--image-opts | -c | length | driver=raw,file.filename=a.raw
--image-opts | -c | length | a.raw
--image-opts | -c | length | foo=bar
--image-opts | -f | raw | -c | length | filename=a.raw
--image-opts | -c | length | driver=null-co,size=1M
--image-opts | -c | length | driver=raw,file.driver=file,file.filename=a.raw,file.foo=1
--image-opts | -c | length | driver=null-co,foo=1M
--image-opts | -c | length | driver=raw,size=512,offset=1k,file.filename=a.raw | -c | write 0 512
-c | length | json:{"driver":"null-co","size":65536}
-c | length | json:[]
-f | raw | -c | length | json:{"driver":"null-co","size":65536}
-f | raw | -c | length | json:{"file":{"driver":"null-co","size":65536}}
-c | length | json:{"file":{"driver":"null-co","size":65536}}
-c | info | -c | map | -c | alloc 0 4k | -c | write 0 512 | -c | write -zn 0 512 | -c | write -z 0 512 | -c | truncate 1M | json:{"driver":"null-co","size":65536}
-c | write -c 0 512 | -c | discard 0 1 | -c | flush | -c | write 64k 1 | -c | read 65535 1 | -c | write -zn 64k 1 | json:{"driver":"null-co","size":65536}
-c | length | null-co://
-f | raw | -c | length | file:a.raw
-c | length | foo:a.raw
-c | length | ./foo:a
`,
  ' | ',
);

function table(text: string, separator: string): string[][] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => line.split(separator));
}
