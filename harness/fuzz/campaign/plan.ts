/**
 * What a campaign is, and which work a round of it is: a pure function of (campaign, shard, round), so that shards need
 * not speak to each other, and doing a round twice does no harm. A round that draws its history draws the same one when it
 * is done again. For a round that changes one, only the seed of the change follows from that: which history is changed
 * depends on what had been reached by then. And what is left out to go around findings depends on what had been found. So
 * the history of a finding is always kept whole.
 */
import { createHash } from 'node:crypto';

/** What makes a campaign that campaign. */
export interface Plan {
  /** as the user named it */
  readonly target: string;
  /** names of properties, in the order of the registry */
  readonly properties: readonly string[];
  readonly seed: number;
}

/** One of the parts of a campaign that run by themselves: the first is 1 of `of`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** What is to be done in a round. */
export interface Work {
  readonly property: string;
  /** for the generator: 0 … 2^32-1 */
  readonly seed: number;
  /** go around the triggers of what has been found */
  readonly isSteered: boolean;
  /** change a history that reached something new, if there is one */
  readonly isMutation: boolean;
}

/** Every so many-th round goes where findings are known, for what they may hide. */
const UNSTEERED_EVERY = 8;
/** Every so many-th round changes an older history. */
const MUTATION_EVERY = 3;

/** Eight hexadecimal digits. */
export function campaignId({ target, properties, seed }: Plan): string {
  return hash(JSON.stringify([target, properties, seed])).slice(0, 8);
}

export function workOf(plan: Plan, shard: Shard, round: number): Work {
  const bytes = createHash('sha256')
    .update(`${campaignId(plan)} ${shard.index}/${shard.of} ${round}`)
    .digest();
  return {
    property: plan.properties[round % plan.properties.length]!,
    seed: bytes.readUInt32LE(0),
    isSteered: bytes[4]! % UNSTEERED_EVERY !== 0,
    isMutation: bytes[5]! % MUTATION_EVERY === 0,
  };
}

/** SHA-256 in hexadecimal digits. */
export function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Numbers from 0 to `below` - 1, the same for the same seed. */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // splitmix32, public domain
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}
