/**
 * How the errors of QMP are defined: each has an id that never changes, a class and a text with places for values.
 * The families (QMP-E-… in input-errors.ts, BMP-E-… and so on beside what raises them) are constant tables joined
 * explicitly; nothing registers itself. QMP.md, QMP-040.
 */

/** The classes QMP knows. Nearly everything is GenericError. */
export type ErrorClass =
  | 'GenericError'
  | 'CommandNotFound'
  | 'DeviceNotActive'
  | 'DeviceNotFound'
  | 'KVMMissingCap';

/**
 * An error that a command answers with. It has no stack: an answer is no mistake, and to note where it was thought of took
 * longer than the rest of most refusals (5 % of the time of random histories; a sixth of their commands are refused).
 */
export class QmpError extends Error {
  readonly id: string;
  readonly class: ErrorClass;
  /** the text as it is sent */
  readonly desc: string;
  constructor(id: string, errorClass: ErrorClass, desc: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(desc);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'QmpError';
    this.id = id;
    this.class = errorClass;
    this.desc = desc;
  }
}

/** `'{name} is {what:a|b}'` → `{ name: …; what: 'a' | 'b' }` */
type Alternatives<S extends string> = S extends `${infer A}|${infer Rest}` ? A | Alternatives<Rest> : S;
export type Values<S extends string> = S extends `${string}{${infer Place}}${infer Rest}`
  ? (Place extends `${infer Name}:${infer Words}`
      ? { readonly [K in Name]: Alternatives<Words> }
      : { readonly [K in Place]: string | number | bigint }) &
      Values<Rest>
  : unknown;

/** One entry of an error table. Calling it makes the error: `throw missing({ name: 'node' })`. */
export interface ErrorDefinition<Template extends string = string> {
  (...values: unknown extends Values<Template> ? [] : [Values<Template>]): QmpError;
  readonly id: string;
  readonly class: ErrorClass;
  /** places: `{name}` takes anything, `{name:this|that}` one of the words named */
  readonly template: Template;
}

/** Any definition, for tables and for reading; its arguments are not known. */
export interface AnyErrorDefinition {
  readonly id: string;
  readonly class: ErrorClass;
  readonly template: string;
}

const PLACE = /\{([a-z][A-Za-z0-9]*)(?::([^{}]+))?\}/g;
const ID = /^[A-Z]+-E-[A-Z0-9]+(-[A-Z0-9]+)*$/;

/** Defines one error. Throws on an id of another form than `QMP-E-MISSING`, which is a mistake of the author. */
export function defineError<const Template extends string>(
  id: string,
  errorClass: ErrorClass,
  template: Template,
): ErrorDefinition<Template> {
  if (!ID.test(id)) throw new TypeError(`${id} is no error id: write it like QMP-E-MISSING`);
  const make = (values: { readonly [place: string]: string | number | bigint } = {}): QmpError =>
    new QmpError(
      id,
      errorClass,
      template.replace(PLACE, (_, place: string) => String(values[place])),
    );
  return Object.assign(make, { id, class: errorClass, template }) as unknown as ErrorDefinition<Template>;
}

/** A text of this definition with each place filled by its own name, or by the first of its words. */
export function sampleOf(definition: AnyErrorDefinition): string {
  return definition.template.replace(
    PLACE,
    (_, place: string, words?: string) => words?.split('|')[0] ?? place,
  );
}

/** Finds ids of texts. Made once from a table, because each template becomes a pattern. */
export class ErrorTable {
  /** in the order given */
  readonly definitions: readonly AnyErrorDefinition[];
  private readonly matchers: readonly { readonly definition: AnyErrorDefinition; readonly pattern: RegExp }[];

  /** Throws if two definitions have one id, or one class and one template. */
  constructor(...tables: readonly (readonly AnyErrorDefinition[])[]) {
    this.definitions = tables.flat();
    const seen = new Set<string>();
    for (const { id, class: errorClass, template } of this.definitions) {
      for (const key of [id, `${errorClass}: ${template}`]) {
        if (seen.has(key)) throw new TypeError(`two errors are defined as ${key}`);
        seen.add(key);
      }
    }
    this.matchers = this.definitions
      // One that is nothing but a place would be taken for every text that nobody knows.
      .filter(({ template }) => !/^\{[A-Za-z0-9]+\}$/.test(template))
      .map((definition) => ({ definition, pattern: patternOf(definition.template) }))
      .sort((a, b) => moreSpecific(a.definition.template, b.definition.template));
  }

  /** The id of an error as it was received, or undefined if no template has that text. */
  idOf(desc: string, errorClass: string): string | undefined {
    return this.matchers.find((m) => m.definition.class === errorClass && m.pattern.test(desc))?.definition
      .id;
  }
}

/** As {@link ErrorTable.idOf}, for a single question. */
export function errorIdOf(
  definitions: readonly AnyErrorDefinition[],
  desc: string,
  errorClass: string,
): string | undefined {
  return new ErrorTable(definitions).idOf(desc, errorClass);
}

/** More fixed text first; then more places with fixed words; then fewer places at all. */
function moreSpecific(a: string, b: string): number {
  const measure = (template: string): readonly number[] => {
    const places = [...template.matchAll(PLACE)];
    const worded = places.filter((place) => place[2] !== undefined).length;
    return [-template.replace(PLACE, '').length, -worded, places.length];
  };
  const [x, y] = [measure(a), measure(b)];
  const differing = x.findIndex((value, i) => value !== y[i]);
  return differing < 0 ? 0 : x[differing]! - y[differing]!;
}

function patternOf(template: string): RegExp {
  let source = '';
  let at = 0;
  for (const place of template.matchAll(PLACE)) {
    source += literal(template.slice(at, place.index));
    source += place[2] === undefined ? '[^]*' : `(?:${place[2].split('|').map(literal).join('|')})`;
    at = place.index + place[0].length;
  }
  return new RegExp(`^${source}${literal(template.slice(at))}$`);
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
