/** What `qbm img --help` says. */

/** The name that scripts look for is that of qemu-img; the version is what this tool follows. */
export const VERSION = 'qbm img, following qemu-img version 7.2.22';

export const FORMATS = ['file', 'null-co', 'qbm', 'raw'];

export const HELP = `${VERSION}
usage: qbm img [-h | -V] command [command options]
Makes, looks at and changes images of the formats raw and qbm, as qemu-img does.

  bitmap (--merge SOURCE | --add | --remove | --clear | --enable | --disable)...
         [-b source_file [-F source_fmt]] [-g granularity] [--image-opts | -f fmt] filename bitmap
  check [--image-opts | -f fmt] [-q] [--output=human|json] [-r leaks | all] [-T src_cache] [-U] filename
  commit [--image-opts | -f fmt] [-q] [-t cache] [-b base] [-d] [-p] filename
  compare [--image-opts | -f fmt] [-F fmt] [-T src_cache] [-p] [-q] [-s] [-U] filename1 filename2
  convert [--image-opts | -f fmt] [--target-image-opts] [--target-is-zero] [--bitmaps] [-U] [-p] [-q] [-n]
         [-t cache] [-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]] [-o options]
         [-S sparse_size] [--salvage] filename [filename2 [...]] output_filename
  create [-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]
  info [--image-opts | -f fmt] [--output=human|json] [--backing-chain] [-U] filename
  map [--image-opts | -f fmt] [--start-offset=offset] [--max-length=len] [--output=human|json] [-U] filename
  rebase [--image-opts | -f fmt] [-U] [-q] [-t cache] [-T src_cache] [-p] [-u] -b backing_file
         [-F backing_fmt] filename
  resize [--image-opts | -f fmt] [--preallocation=off] [-q] [--shrink] filename [+ | -]size

A filename is that of a file, json:{…} with the options of blockdev-add, or, with --image-opts, such options as
name=value,…. A size is a number of bytes, or one with k, M, G, T, P or E behind it. Without a format an image is qbm
if it begins as a descriptor does, otherwise raw. -o help lists the options of a format.

A QBM descriptor is a stranger's, and may name files below its own directory only, unless
--image-opts driver=qbm,trusted=on,file.filename=… says that its content is vouched for.

Exit codes: 0 done, 1 not; check: 2 there are errors, 3 only leftovers, 63 a format without checks;
compare: 1 they differ, 2 one cannot be opened, 4 one cannot be read.

Supported formats: ${FORMATS.join(' ')}`;
