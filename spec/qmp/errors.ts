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
  /** its text may begin with the place in a file of what is wrong: `a.qbm:2:14: ` */
  readonly isPlaced?: boolean;
}

/** What is before the text of an error that has a place in a file: `a.qbm:2:14: `. */
const PLACE_IN_FILE = /^\S+:\d+:\d+: /;

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

interface Matcher {
  readonly definition: AnyErrorDefinition;
  readonly pattern: RegExp;
}

/** Finds ids of texts. Made once from a table, because each template becomes a pattern. */
export class ErrorTable {
  /** in the order given */
  readonly definitions: readonly AnyErrorDefinition[];
  /** what a text that begins with a character can be, the most specific first: a tenth of all, mostly */
  readonly #byFirst: ReadonlyMap<string, readonly Matcher[]>;
  /** what a text can be whatever it begins with: templates that begin with a place */
  readonly #anyFirst: readonly Matcher[];

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
    const matchers = this.definitions
      // One that is nothing but a place would be taken for every text that nobody knows.
      .filter(({ template }) => !/^\{[A-Za-z0-9]+\}$/.test(template))
      .map((definition) => ({ definition, pattern: patternOf(definition.template) }))
      .sort((a, b) => moreSpecific(a.definition.template, b.definition.template));
    const beginningWith = (...firsts: readonly string[]): readonly Matcher[] =>
      matchers.filter(({ definition }) => firsts.includes(definition.template.charAt(0)));
    const firsts = new Set(matchers.map(({ definition }) => definition.template.charAt(0)));
    this.#byFirst = new Map([...firsts].map((first) => [first, beginningWith(first, '{')]));
    this.#anyFirst = beginningWith('{');
  }

  /** The id of an error as it was received, or undefined if no template has that text. */
  idOf(desc: string, errorClass: string): string | undefined {
    const place = PLACE_IN_FILE.exec(desc)?.[0] ?? '';
    const placed = place === '' ? undefined : this.#find(desc.slice(place.length), errorClass, true);
    return (placed ?? this.#find(desc, errorClass))?.id;
  }

  #find(text: string, errorClass: string, isPlaced = false): AnyErrorDefinition | undefined {
    return (this.#byFirst.get(text.charAt(0)) ?? this.#anyFirst).find(
      ({ definition, pattern }) =>
        definition.class === errorClass && (!isPlaced || definition.isPlaced === true) && pattern.test(text),
    )?.definition;
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
