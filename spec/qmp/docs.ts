/** The reference of all commands in Markdown, from the command table. QMP.md, QMP-031. */
import type { AnyCommand, CommandTable } from './command.js';
import {
  type AlternateType,
  type EnumType,
  type Member,
  type StructType,
  settle,
  type Type,
  type UnionType,
} from './types.js';

type Documented = EnumType | StructType | UnionType | AlternateType;

/** One section a command, in table order, then one a type, by name. Ends with a line break. */
export function referenceOf(table: CommandTable<never>, title = 'QMP commands'): string {
  const commands = [...table.values()];
  const types = new Map<string, Documented>();
  for (const { args, returns } of commands) {
    // an argument struct is shown with its command; what it consists of is collected
    for (const part of partsOf(args)) collect(part, types);
    collect(returns, types);
  }
  const sections = [
    `# ${title}\n`,
    ...commands.map(commandSection),
    ...(types.size > 0 ? ['## Types\n'] : []),
    ...[...types.keys()].sort().map((name) => typeSection(types.get(name)!)),
  ];
  return sections.join('\n');
}

function partsOf(type: Documented): readonly Type[] {
  switch (type.kind) {
    case 'enum':
      return [];
    case 'alternate':
      return Object.values(type.branches);
    case 'struct':
      return type.members.map((member) => member.type);
    case 'union':
      return [
        ...type.members.map((member) => member.type),
        ...Object.values(type.branches).map((one) => one!),
      ];
  }
}

function collect(declared: Type, types: Map<string, Documented>): void {
  const type = settle(declared);
  if (type.kind === 'array') collect(type.items, types);
  if (!isDocumented(type) || types.has(type.name)) return;
  types.set(type.name, type);
  for (const part of partsOf(type)) collect(part, types);
}

function isDocumented(type: ReturnType<typeof settle>): type is Documented {
  if (type.kind === 'struct') return type.members.length > 0;
  return type.kind === 'enum' || type.kind === 'union' || type.kind === 'alternate';
}

function commandSection(command: AnyCommand<never>): string {
  const lines = [`## \`${command.name}\`\n`, `${command.doc}\n`];
  lines.push(
    command.args.members.length > 0 ? `Arguments:\n\n${body(command.args)}` : 'Arguments: none.\n',
    `Returns: ${isNothing(command.returns) ? 'nothing' : reference(command.returns)}.\n`,
  );
  if (command.rules.length > 0) lines.push(`Rules: ${command.rules.join(', ')}.\n`);
  if (command.allowOob) lines.push('May be run out of band.\n');
  lines.push(...featureLine(command.features));
  return lines.join('\n');
}

function isNothing(declared: Type): boolean {
  const type = settle(declared);
  return type.kind === 'struct' && type.members.length === 0;
}

function featureLine(features: readonly string[] | undefined): string[] {
  return features !== undefined && features.length > 0 ? [`Features: ${features.join(', ')}.\n`] : [];
}

function typeSection(type: Documented): string {
  const doc = type.doc === '' ? [] : [`${type.doc}\n`];
  const notes = type.kind === 'struct' || type.kind === 'union' ? featureLine(type.features) : [];
  return [`### ${type.name} (${type.kind})\n`, ...doc, body(type), ...notes].join('\n');
}

function body(type: Documented): string {
  switch (type.kind) {
    case 'enum':
      return rows(
        ['value', ''],
        type.values.map((one) => [`\`${one.name}\``, noted(one.doc ?? '', one.features)]),
      );
    case 'alternate':
      return rows(
        ['JSON', 'as'],
        Object.entries(type.branches).map(([form, branch]) => [form, reference(branch)]),
      );
    case 'struct':
      return members(type.members);
    case 'union':
      return `${members(type.members)}\nFurther members by \`${type.discriminator}\`:\n\n${rows(
        ['value', 'members of'],
        Object.entries(type.branches).map(([value, branch]) => [`\`${value}\``, reference(branch!)]),
      )}`;
  }
}

function members(list: readonly Member[]): string {
  return rows(
    ['member', 'type', '', ''],
    list.map((member) => [
      `\`${member.name}\``,
      reference(member.type),
      member.optional ? 'optional' : 'required',
      noted(member.doc, member.features),
    ]),
  );
}

function noted(doc: string, features: readonly string[] = []): string {
  return [doc, ...features.map((feature) => `(${feature})`)].filter((part) => part !== '').join(' ');
}

/** A type's name in a table: a link where this reference describes the type. */
function reference(declared: Type): string {
  const type = settle(declared);
  if (type.kind === 'array') return `list of ${reference(type.items)}`;
  return isDocumented(type) ? `[${type.name}](#${type.name.toLowerCase()}-${type.kind})` : type.name;
}

function rows(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + lines.map(line).join('');
}
