/**
 * The step `graph`: the nodes that a case named, what each uses and needs of it, and what the image of each says is below it.
 * Nodes with a made-up name are left out: how many of them a format needs is its own business.
 */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import type { Reply, Session } from '../../target/target.js';
import { type AnswerContext, quoted, replyLines } from './answer.js';
import { sortFilename } from './json.js';
import { restoreSymbols } from './symbol.js';
import { FORMAT } from './tool.js';

const PERMISSIONS = ['consistent-read', 'write', 'write-unchanged', 'resize'];

/** Asks by query-named-block-nodes and x-debug-query-block-graph. */
export async function performGraph(
  session: Session,
  within: <T>(request: Promise<T>) => Promise<T>,
  answers: AnswerContext,
): Promise<readonly string[]> {
  // First the one for which exports of the harness go out of the way.
  const graph = await within(session.qmp('x-debug-query-block-graph', undefined));
  const nodes = await within(session.qmp('query-named-block-nodes', undefined));
  const failed = [graph, nodes].find((reply) => 'error' in reply);
  if (failed !== undefined) return replyLines(failed, answers);
  const users = usersOf(returned(graph) as JsonObject);
  const shown = (text: Json | undefined): string =>
    sortFilename(restoreSymbols(String(text), session.directory));
  const formatName = (name: Json | undefined): string =>
    name === session.formatDriver && name !== 'raw' ? FORMAT : String(name);
  const holders = users
    .filter(({ isNode }) => !isNode)
    .flatMap(({ name, edges }) => edgeLines(edges, `${quoted(name)}: `));
  const named = objects(returned(nodes)).filter((node) => !isMadeUp(String(node['node-name'])));
  const lines = named.flatMap((node) => [
    ...nodeLines(node, shown, formatName),
    ...edgeLines(users.find(({ isNode, name }) => isNode && name === node['node-name'])?.edges ?? [], '   '),
  ]);
  return [...(named.length === 0 ? ['no nodes'] : []), ...holders, ...lines].map((line) => `   ${line}`);
}

function returned(reply: Reply): Json {
  return 'return' in reply ? reply.return : null;
}

interface User {
  readonly name: string;
  readonly isNode: boolean;
  readonly edges: readonly { readonly edge: JsonObject; readonly child: string }[];
}

/** Sorted by what the child is used as: the order of children means nothing. */
function usersOf(graph: JsonObject): User[] {
  const nodes = objects(graph.nodes);
  const nameOf = (id: Json | undefined): string => String(nodes.find((node) => node.id === id)?.name);
  return nodes.map((node) => ({
    name: String(node.name),
    isNode: node.type === 'block-driver',
    edges: objects(graph.edges)
      .filter(({ parent }) => parent === node.id)
      .map((edge) => ({ edge, child: nameOf(edge.child) }))
      .filter(({ child }) => !isMadeUp(child))
      .sort((a, b) => (String(a.edge.name) < String(b.edge.name) ? -1 : 1)),
  }));
}

type Shown = (value: Json | undefined) => string;

function nodeLines(node: JsonObject, shown: Shown, formatName: Shown): string[] {
  const image = isJsonObject(node.image) ? node.image : {};
  const facts = [
    formatName(node.drv),
    ...(node.ro === true ? ['read-only'] : []),
    // How long the file of an image is depends on its format.
    ...(node.drv === 'file' ? [] : [`${String(image['virtual-size'])} bytes`]),
    ...objects(node['dirty-bitmaps']).map(bitmapText),
  ];
  const below = node.backing_file === undefined ? [] : [`over ${shown(node.backing_file)}`];
  const depth = node.backing_file_depth === 0 ? [] : [`depth ${String(node.backing_file_depth)}`];
  const stored = image['full-backing-filename'];
  const format = formatName(image['backing-filename-format']);
  const says = stored === undefined ? [] : [`says ${shown(stored)} (${format})`];
  return [
    `${quoted(String(node['node-name']))}: ${facts.join(', ')}`,
    `   is ${[shown(node.file), ...below, ...depth, ...says].join(', ')}`,
  ];
}

function bitmapText(bitmap: JsonObject): string {
  return `bitmap ${quoted(String(bitmap.name))}${bitmap.persistent === true ? ' (stored)' : ''}`;
}

function edgeLines(edges: User['edges'], indent: string): string[] {
  const list = (value: Json | undefined): string => {
    const names = PERMISSIONS.filter((name) => Array.isArray(value) && value.includes(name));
    return names.length === 0 ? '-' : names.map((name) => name.replace('-', ' ')).join(', ');
  };
  return edges.map(
    ({ edge, child }) =>
      `${indent}${String(edge.name)} ${quoted(child)}: needs ${list(edge.perm)}; shares ${list(edge['shared-perm'])}`,
  );
}

function isMadeUp(name: string): boolean {
  return name.startsWith('#');
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item): item is JsonObject => isJsonObject(item)) : [];
}
