/**
 * From the first byte to the export that the client has chosen: fixed newstyle. NBD.md, NBD-004 to NBD-009. Each option is
 * read whole, and answered before the next is read.
 */
import { Disconnect, type Wants } from './connection.js';
import * as nbd from './constants.js';
import { type MetaContext, type NbdExport, type NbdServer, transmissionFlags } from './export.js';
import { Fields } from './input.js';
import { answerMetaContext } from './meta-context.js';
import { message, type Output, text, u16, u32, u64 } from './output.js';

/** What the client and the server have agreed on. */
export interface Chosen {
  readonly export: NbdExport;
  readonly hasStructuredReplies: boolean;
  /** what the client may ask with BLOCK_STATUS, with the number of each */
  readonly contexts: readonly SelectedContext[];
}

export interface SelectedContext {
  readonly id: number;
  readonly context: MetaContext;
}

/** What has been agreed on so far. */
export class Negotiation {
  readonly server: NbdServer;
  readonly #output: Output;
  hasStructuredReplies = false;
  /** contexts are chosen for one export; another one has none. NBD-009 */
  selected: { readonly export: NbdExport; readonly contexts: readonly SelectedContext[] } | null = null;
  option = 0;

  constructor(server: NbdServer, output: Output) {
    this.server = server;
    this.#output = output;
  }

  reply(type: number, data: Uint8Array = new Uint8Array(0)): void {
    const header = [u64(nbd.OPTION_REPLY_MAGIC), u32(this.option), u32(type), u32(data.length)];
    this.#output.pushFields([...header, data]);
  }

  refuse(type: number, reason: string): void {
    this.reply(type, text(reason).subarray(0, nbd.LONGEST_STRING));
  }

  find(name: string): NbdExport | undefined {
    return this.server.exports.find((one) => one.name === name);
  }

  choose(one: NbdExport): Chosen {
    const contexts = this.selected?.export === one ? this.selected.contexts : [];
    return { export: one, hasStructuredReplies: this.hasStructuredReplies, contexts };
  }
}

/** @returns null if the client went. @throws Disconnect */
export function* handshake(server: NbdServer, output: Output): Wants<Chosen | null> {
  const ours = nbd.FLAG_FIXED_NEWSTYLE | nbd.FLAG_NO_ZEROES;
  output.pushFields([u64(nbd.NBD_MAGIC), u64(nbd.OPTION_MAGIC), u16(ours)]);
  // NBD-004
  const theirs = new Fields(yield 4).u32();
  if ((theirs & ~ours) !== 0) throw new Disconnect();
  const isFixed = (theirs & nbd.FLAG_FIXED_NEWSTYLE) !== 0;
  const negotiation = new Negotiation(server, output);
  for (;;) {
    const header = new Fields(yield 16);
    const magic = header.u64();
    const option = header.u32();
    const length = header.u32();
    if (magic !== nbd.OPTION_MAGIC || length > longestData(option)) throw new Disconnect();
    const data = length === 0 ? new Uint8Array(0) : yield length;
    negotiation.option = option;
    if (option === nbd.OPT_EXPORT_NAME) {
      return exportName(negotiation, data, (theirs & nbd.FLAG_NO_ZEROES) !== 0, output);
    }
    if (!isFixed) throw new Disconnect();
    if (option === nbd.OPT_ABORT) {
      negotiation.reply(nbd.REP_ACK);
      return null;
    }
    const chosen = answer(negotiation, option, data);
    if (chosen !== null) return chosen;
  }
}

/** NBD-003: bytes of data that an option may have. */
function longestData(option: number): number {
  return option === nbd.OPT_EXPORT_NAME ? nbd.LONGEST_STRING : MOST_OPTION_DATA;
}

/** A name, and a list of at most some hundred queries. */
const MOST_OPTION_DATA = 1024 * 1024;

function answer(negotiation: Negotiation, option: number, data: Uint8Array): Chosen | null {
  switch (option) {
    case nbd.OPT_LIST:
      list(negotiation, data);
      return null;
    case nbd.OPT_INFO:
    case nbd.OPT_GO:
      return info(negotiation, data, option === nbd.OPT_GO);
    case nbd.OPT_STRUCTURED_REPLY:
      structuredReply(negotiation, data);
      return null;
    case nbd.OPT_LIST_META_CONTEXT:
    case nbd.OPT_SET_META_CONTEXT:
      answerMetaContext(negotiation, option === nbd.OPT_SET_META_CONTEXT, data);
      return null;
    case nbd.OPT_STARTTLS:
      if (data.length > 0) negotiation.refuse(nbd.REP_ERR_INVALID, 'STARTTLS has no data');
      else negotiation.refuse(nbd.REP_ERR_POLICY, 'there is no TLS here');
      return null;
    default:
      negotiation.refuse(nbd.REP_ERR_UNSUP, `option ${option} is not known`);
      return null;
  }
}

/** NBD-005: the old way, which has no errors. @throws Disconnect */
function exportName(negotiation: Negotiation, data: Uint8Array, noZeroes: boolean, output: Output): Chosen {
  const one = negotiation.find(decodeName(data) ?? '');
  if (one === undefined || decodeName(data) === null) throw new Disconnect();
  const flags = transmissionFlags(negotiation.server, one, negotiation.hasStructuredReplies);
  output.pushFields([u64(one.size), u16(flags), new Uint8Array(noZeroes ? 0 : 124)]);
  return negotiation.choose(one);
}

/** NBD-006 */
function list(negotiation: Negotiation, data: Uint8Array): void {
  if (data.length > 0) {
    negotiation.refuse(nbd.REP_ERR_INVALID, 'LIST has no data');
    return;
  }
  for (const one of negotiation.server.exports) {
    const name = text(one.name);
    negotiation.reply(nbd.REP_SERVER, message(u32(name.length), name, text(one.description ?? '')));
  }
  negotiation.reply(nbd.REP_ACK);
}

/** NBD-008 */
function structuredReply(negotiation: Negotiation, data: Uint8Array): void {
  if (data.length > 0) negotiation.refuse(nbd.REP_ERR_INVALID, 'STRUCTURED_REPLY has no data');
  else if (negotiation.hasStructuredReplies) {
    negotiation.refuse(nbd.REP_ERR_INVALID, 'structured replies are agreed on already');
  } else {
    negotiation.hasStructuredReplies = true;
    negotiation.reply(nbd.REP_ACK);
  }
}

/** The block size that suits most disks, bytes. */
const PREFERRED = 4096;

/** NBD-007 */
function info(negotiation: Negotiation, data: Uint8Array, go: boolean): Chosen | null {
  const asked = parseInfo(data);
  if (asked === null) {
    negotiation.refuse(nbd.REP_ERR_INVALID, 'the lengths in the option contradict each other');
    return null;
  }
  const one = negotiation.find(asked.name);
  if (one === undefined) {
    negotiation.refuse(nbd.REP_ERR_UNKNOWN, `export '${asked.name}' not present`);
    return null;
  }
  if (asked.requests.includes(nbd.INFO_NAME)) {
    negotiation.reply(nbd.REP_INFO, message(u16(nbd.INFO_NAME), text(one.name)));
  }
  if (one.description !== null) {
    negotiation.reply(nbd.REP_INFO, message(u16(nbd.INFO_DESCRIPTION), text(one.description)));
  }
  const isAsked = asked.requests.includes(nbd.INFO_BLOCK_SIZE);
  const { align, most } = one.blockSizes;
  // No request is longer.
  const least = go && !isAsked ? 1 : Math.min(align, nbd.LONGEST_PAYLOAD);
  const sizes = [least, Math.max(PREFERRED, least), Math.min(most, nbd.LONGEST_PAYLOAD)];
  negotiation.reply(nbd.REP_INFO, message(u16(nbd.INFO_BLOCK_SIZE), ...sizes.map((size) => u32(size))));
  const flags = transmissionFlags(negotiation.server, one, negotiation.hasStructuredReplies);
  negotiation.reply(nbd.REP_INFO, message(u16(nbd.INFO_EXPORT), u64(one.size), u16(flags)));
  if (!go && !isAsked && align > 1) {
    negotiation.refuse(
      nbd.REP_ERR_BLOCK_SIZE_REQD,
      'whoever uses this export should ask for its block sizes',
    );
    return null;
  }
  negotiation.reply(nbd.REP_ACK);
  return go ? negotiation.choose(one) : null;
}

function parseInfo(data: Uint8Array): { readonly name: string; readonly requests: readonly number[] } | null {
  const fields = new Fields(data);
  const name = readString(fields);
  if (name === null || fields.left < 2) return null;
  const count = fields.u16();
  if (fields.left !== 2 * count) return null;
  return { name, requests: Array.from({ length: count }, () => fields.u16()) };
}

/** A length and so many bytes of text; null if they are not there, or no text. NBD-003 */
export function readString(fields: Fields): string | null {
  if (fields.left < 4) return null;
  const length = fields.u32();
  if (length > nbd.LONGEST_STRING || length > fields.left) return null;
  return decodeName(fields.bytes(length));
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeName(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
