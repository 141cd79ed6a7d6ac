/** What `qbm io --help` says. */

/** How the tool calls itself in messages, and before every line that it waits for. */
export const PROGRAM = 'qbm io';

export const USAGE = `Usage: ${PROGRAM} [OPTIONS]... [-c STRING]... [file]
Reads and writes an image by commands, as qemu-io does; FILE is a name, json:{...}, or options

      --image-opts         FILE is options: driver=qbm,file.filename=disk.qbm
  -c, --cmd STRING         run this command; without -c commands are read from standard input
  -f, --format FMT         the format (raw, qbm); without it the first bytes decide
  -r, --read-only          only read
  -n, --nocache            as -t none
  -m, --misalign           accepted, without effect
  -k, --native-aio         as -i native
  -i, --aio MODE           threads, native or io_uring; checked, without effect
  -t, --cache MODE         none, directsync, writeback (the default), writethrough or unsafe
  -d, --discard MODE       unmap (the default) or ignore
  -U, --force-share        leave everything to other users of the image; needs -r
  -h, --help               this text
  -V, --version            the version

The exit code is 1 if any command failed, or the image could not be opened.
'${PROGRAM} -c help' lists the commands.
`;
