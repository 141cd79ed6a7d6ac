/** What a client may ask about an export, and how it chooses. NBD.md, NBD-009. */
import * as nbd from './constants.js';
import type { NbdExport } from './export.js';
import { type Negotiation, readString, type SelectedContext } from './handshake.js';
import { Fields } from './input.js';
import { message, text, u32 } from './output.js';

/** Lists the contexts that a client asks for, or chooses them. */
export function answerMetaContext(negotiation: Negotiation, isSet: boolean, data: Uint8Array): void {
  if (isSet) negotiation.selected = null;
  if (isSet && !negotiation.hasStructuredReplies) {
    negotiation.refuse(nbd.REP_ERR_INVALID, 'contexts need structured replies');
    return;
  }
  const fields = new Fields(data);
  const name = readString(fields);
  const one = name === null ? null : negotiation.find(name);
  if (one === undefined) {
    negotiation.refuse(nbd.REP_ERR_UNKNOWN, `export '${name}' not present`);
    return;
  }
  const queries = fields.left < 4 ? null : readQueries(fields, fields.u32());
  if (one === null || queries === null) {
    negotiation.refuse(nbd.REP_ERR_INVALID, 'the lengths in the option contradict each other');
    return;
  }
  const contexts = matching(one, queries, isSet);
  for (const { id, context } of contexts) {
    negotiation.reply(nbd.REP_META_CONTEXT, message(u32(isSet ? id : 0), text(context.name)));
  }
  if (isSet) negotiation.selected = { export: one, contexts };
  negotiation.reply(nbd.REP_ACK);
}

function readQueries(fields: Fields, count: number): string[] | null {
  const queries: string[] = [];
  for (let index = 0; index < count; index++) {
    const query = readString(fields);
    if (query === null) return null;
    queries.push(query);
  }
  return fields.left === 0 ? queries : null;
}

/** A list may ask for all, or for all that begin with a namespace; a choice names what it wants. */
function matching(one: NbdExport, queries: readonly string[], isSet: boolean): SelectedContext[] {
  const selected = one.contexts.map((context, id) => ({ id, context }));
  const isFirst = (name: string, id: number): boolean =>
    one.contexts.findIndex((other) => other.name === name) === id;
  if (!isSet && queries.length === 0) return selected;
  // A bitmap that is exported twice has two contexts of one name: who asks by the name gets the first.
  return selected.filter(({ id, context: { name } }) =>
    queries.some((query) =>
      query === name ? isFirst(name, id) : !isSet && query.endsWith(':') && name.startsWith(query),
    ),
  );
}
