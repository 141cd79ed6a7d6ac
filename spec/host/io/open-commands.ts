/** IMG-027. `open` and `reopen`: an image by its name, by options, or by both. */
import { readOptions, usageFailure } from '../../io/arguments.js';
import { type IoCall, IoFailure, type PlainCommand } from '../../io/command.js';
import { parsePairs } from '../keyval.js';
import { OpenOptions, type OpenProblem } from './open-options.js';
import type { ImageToOpen, Session } from './session.js';

export function openCommand(session: Session): PlainCommand {
  const command: PlainCommand = {
    isPlain: true,
    name: 'open',
    alias: 'o',
    words: [1, null],
    usage: '[-rsCnkU] [-t cache] [-d discard] [-o options] [path]',
    summary: 'opens an image',
    help: `
 Opens an image for all commands that follow. 'open -o driver=raw,offset=1M disk.img'
 -r, -- only read
 -n, -- as -t none
 -U, -- leave everything to other users of the image; needs -r
 -k, -- as -i native
 -i, -- threads, native or io_uring; checked, without effect
 -t, -- the cache mode
 -d, -- unmap or ignore
 -o, -- options of the driver, as blockdev-add has them

`,
    run(call) {
      const options = new OpenOptions();
      const pairs: string[] = [];
      const { operands } = readOptions(command, call, 'snCro:ki:t:d:U', (option, value) => {
        if (option === 'o') pairs.push(value);
        else refuse(options.take(option, value));
      });
      if (operands.length > 1) throw usageFailure(command);
      const text = pairs.length === 0 ? undefined : written(call, pairs.join(','));
      session.open({ name: operands[0], pairs: text, options });
    },
  };
  return command;
}

/** What `reopen -o` may change; the rest belongs to what the image is. */
const CHANGEABLE =
  /^(read-only|auto-read-only|discard|detect-zeroes|force-share|cache\..*|offset|size|policy)$/;

export function reopenCommand(session: Session): PlainCommand {
  const command: PlainCommand = {
    isPlain: true,
    needsImage: true,
    name: 'reopen',
    words: [0, null],
    usage: '[(-r|-w)] [-c cache] [-o options]',
    summary: 'opens the image anew with other options',
    help: `
 Changes how the open image is open. 'reopen -r'
 -r, -- only read
 -w, -- read and write
 -c, -- the cache mode
 -o, -- options of the driver, as for open

`,
    run(call) {
      const { image } = session;
      const options = image.options.copy();
      const pairs: string[] = [];
      let access: string | undefined;
      const { flags, operands } = readOptions(command, call, 'c:o:rw', (option, value) => {
        if (option === 'o') pairs.push(value);
        else if (option === 'c') refuse(options.setCache(value));
        else if (access !== undefined) throw new IoFailure('report', 'Only one -r/-w option may be given');
        else access = option;
      });
      if (operands.length > 0) throw usageFailure(command);
      if (access !== undefined) options.isReadOnly = access === 'r';
      const text = written(call, pairs.join(','));
      checkChanges(session, text, access, flags.has('c'));
      session.reopen({ ...image, pairs: joined(image.pairs, text), options });
    },
  };
  return command;
}

function checkChanges(session: Session, text: string, access: string | undefined, hasCache: boolean): void {
  const changes = new Map(parsePairs(text));
  if (changes.has('read-only') && access !== undefined)
    throw new IoFailure('report', "Cannot set both -r/-w and 'read-only'");
  if ((changes.has('cache.direct') || changes.has('cache.no-flush')) && hasCache)
    throw new IoFailure('report', 'Cannot set both -c and the cache options');
  if (changes.get('read-only') === 'on' && !session.image.options.isReadOnly) {
    const who = `Read-only block node '${session.nodeName}'`;
    throw new IoFailure('report', `${who} cannot support read-write users`);
  }
  const fixed = [...changes].find(
    ([name, value]) => !CHANGEABLE.test(name) && !(name === 'driver' && value === session.driverName),
  );
  if (fixed !== undefined) throw new IoFailure('report', `Cannot change the option '${fixed[0]}'`);
}

/** Options of which some are only a name: that means `on`, and is frowned upon. */
export function written(call: Pick<IoCall, 'world'>, text: string): string {
  const pairs = parsePairs(text).map(([name, value]) => {
    if (value === null)
      call.world.report(
        `warning: short-form boolean option '${name}' deprecated\nPlease use ${name}=on instead`,
      );
    return `${escaped(name)}=${escaped(value ?? 'on')}`;
  });
  return pairs.join(',');
}

function escaped(text: string): string {
  return text.replaceAll(',', ',,');
}

function joined(first: ImageToOpen['pairs'], second: string): ImageToOpen['pairs'] {
  const texts = [first, second].filter((text) => text !== undefined && text !== '');
  return texts.length === 0 ? undefined : texts.join(',');
}

function refuse(problem: OpenProblem): void {
  if (problem !== null) throw new IoFailure('report', problem);
}
