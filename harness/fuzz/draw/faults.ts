/** Nodes that have requests fail. */
import type { Node } from '../../../spec/block/node.js';
import type { Json } from '../../../spec/json/value.js';

/** Whether it is a `blkdebug` with a rule by which requests fail; what is below it is not looked at. */
export function hasFaults({ driver }: Node): boolean {
  return 'inject-error.0.event' in driver.describe();
}

/** Whether requests of the node may fail, by a rule of its own or of what is below it. */
export function isFaulty(node: Node): boolean {
  return hasFaults(node) || anyBelow(node, isFaulty);
}

/** Its rules by which requests fail, as it was told them, each by the names of its members. */
function rulesOf({ driver }: Node): readonly ReadonlyMap<string, Json>[] {
  const rules = new Map<string, Map<string, Json>>();
  for (const [key, value] of Object.entries(driver.describe())) {
    const [, number, member] = /^inject-error\.(\d+)\.(.*)$/.exec(key) ?? [];
    if (number === undefined || member === undefined) continue;
    const rule = rules.get(number) ?? new Map<string, Json>();
    rules.set(number, rule.set(member, value));
  }
  return [...rules.values()];
}

/** Whether requests of the node fail again and again, by a rule of its own or of what is below it. */
export function repeatsFaults(node: Node): boolean {
  return rulesOf(node).some((rule) => rule.get('once') !== true) || anyBelow(node, repeatsFaults);
}

/** Whether a request of the node fails and the same one does not the next time, by a rule of its own or of what is below it. */
export function hasFaultOnce(node: Node): boolean {
  return rulesOf(node).some((rule) => rule.get('once') === true) || anyBelow(node, hasFaultOnce);
}

/** Whether reading the node can fail, by a rule of its own or of what is below it. */
export function canFailToRead(node: Node): boolean {
  const isMet = rulesOf(node).some((rule) => (rule.get('iotype') ?? 'read') === 'read');
  return isMet || anyBelow(node, canFailToRead);
}

/** Whether asking what the node has where can fail, by a rule of its own or of what is below it. */
export function canFailToAsk(node: Node): boolean {
  return rulesOf(node).some((rule) => rule.get('iotype') === 'block-status') || anyBelow(node, canFailToAsk);
}

function anyBelow({ children }: Node, meets: (node: Node) => boolean): boolean {
  return children.some(({ child }) => meets(child));
}
