/** What an NBD server answers to options, as transcripts show it. */
import { NbdGarbage, nbdString, numbers, type OptionReply } from '../../nbd/talk.js';
import * as wire from '../../nbd/wire.js';
import type { NbdConnectionStep } from '../nbd-step.js';
import { quoted } from './answer.js';
import type { Connection } from './nbd.js';
import { printable } from './printable.js';

type Asked =
  | { readonly op: 'structured' }
  | Extract<NbdConnectionStep, { op: 'list' | 'info' | 'go' | 'contexts' | 'choose' | 'option' }>;

/** Sends the option and gives the lines of its answer: none if it is only acknowledged and part of something else. */
export async function answerOption(connection: Connection, asked: Asked): Promise<string[]> {
  const replies = await connection.talk.option(...optionOf(asked));
  const last = replies.at(-1)!;
  if (asked.op === 'choose') connection.contexts.clear();
  const lines = replies.slice(0, -1).map((reply) => replyLine(connection, asked, reply));
  if (last.type !== wire.REP_ACK) return [...lines, `   error ${errorName(last.type)}`];
  if (asked.op === 'list' || asked.op === 'contexts' || asked.op === 'choose')
    return lines.length === 0 ? ['   none'] : lines;
  return lines.length === 0 && asked.op === 'option' ? ['   ok'] : lines;
}

function optionOf(asked: Asked): [option: number, data: Buffer] {
  switch (asked.op) {
    case 'structured':
      return [wire.OPT_STRUCTURED_REPLY, Buffer.alloc(0)];
    case 'list':
      return [wire.OPT_LIST, Buffer.alloc(0)];
    case 'info':
    case 'go': {
      // All that can be asked for, but for the block sizes: who asks for these is promised that they are kept to.
      const wanted = numbers([2, 2], [wire.INFO_NAME, 2], [wire.INFO_DESCRIPTION, 2]);
      const option = asked.op === 'go' ? wire.OPT_GO : wire.OPT_INFO;
      return [option, Buffer.concat([nbdString(asked.export), wanted])];
    }
    case 'contexts':
    case 'choose': {
      const option = asked.op === 'choose' ? wire.OPT_SET_META_CONTEXT : wire.OPT_LIST_META_CONTEXT;
      const queries = [numbers([asked.queries.length, 4]), ...asked.queries.map(nbdString)];
      return [option, Buffer.concat([nbdString(asked.export), ...queries])];
    }
    case 'option':
      return [asked.option, Buffer.from(asked.hex.replaceAll(' ', ''), 'hex')];
  }
}

function replyLine(connection: Connection, asked: Asked, { type, data }: OptionReply): string {
  switch (type) {
    case wire.REP_SERVER: {
      const end = 4 + data.readUInt32BE(0);
      const description = data.toString('utf8', end);
      const name = quoted(data.toString('utf8', 4, end));
      return `   ${name}${description === '' ? '' : `: ${printable(description)}`}`;
    }
    case wire.REP_META_CONTEXT: {
      const name = data.toString('utf8', 4);
      if (asked.op === 'choose') connection.contexts.set(data.readUInt32BE(0), name);
      return `   ${printable(name)}`;
    }
    case wire.REP_INFO:
      return infoLine(data);
    default:
      throw new NbdGarbage(`an option reply of the type ${type}`);
  }
}

function infoLine(data: Buffer): string {
  switch (data.readUInt16BE(0)) {
    case wire.INFO_EXPORT: {
      const flags = data.readUInt16BE(10);
      const names = [...wire.EXPORT_FLAGS].filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
      return `   size ${data.readBigUInt64BE(2)}, ${names.join(' ')}`;
    }
    case wire.INFO_NAME:
      return `   name ${quoted(data.toString('utf8', 2))}`;
    case wire.INFO_DESCRIPTION:
      return `   description ${printable(data.toString('utf8', 2))}`;
    case wire.INFO_BLOCK_SIZE:
      return `   block sizes ${[2, 6, 10].map((at) => data.readUInt32BE(at)).join(' ')}`;
    default:
      return `   info ${data.toString('hex')}`;
  }
}

function errorName(type: number): string {
  const number = type - wire.REP_ERROR;
  return `REP_ERR_${wire.OPTION_ERRORS.get(number) ?? number}`;
}
