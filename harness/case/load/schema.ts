/**
 * case.schema.json applied to a value. The schema alone decides what is valid; where it says only "none of the
 * kinds of step", the step's verb is looked up and its own definition asked, so that the message fits.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import schema from '../case.schema.json' with { type: 'json' };
import { explain, type Violation } from './explain.js';
import { suggestion } from './suggest.js';
import { pointerToken } from './yaml.js';

/** The verbs of steps, as the schema lists them. */
export const VERBS: readonly string[] = schema.$defs.step.oneOf.map(definitionName);
const VERBS_IN_EITHER: readonly string[] =
  schema.$defs.either.properties.either.properties.step.oneOf.map(definitionName);
const IO_OPERATIONS: readonly string[] = ['write', 'zero', 'discard', 'read', 'flush'];

function definitionName(reference: { readonly $ref: string }): string {
  return reference.$ref.slice(reference.$ref.lastIndexOf('/') + 1);
}

const OPTIONS = { strictTuples: false, allowUnionTypes: true, schemas: [schema] };

let quick: ValidateFunction | undefined;
let thorough: Ajv2020 | undefined;

/** Most files are cases: to say just that takes a third of the time that it takes to say all that is wrong. */
function isCase(value: Json): boolean {
  quick ??= new Ajv2020(OPTIONS).getSchema(schema.$id)!;
  return quick(value) as boolean;
}

/** The schema, or one of its definitions. Compiled on first use: that costs tens of milliseconds. */
function validator(definition: string): ValidateFunction {
  thorough ??= new Ajv2020({ ...OPTIONS, allErrors: true, verbose: true });
  return thorough.getSchema(schema.$id + (definition === '' ? '' : `#/$defs/${definition}`))!;
}

function errorsOf(definition: string, value: Json): readonly ErrorObject[] {
  const validate = validator(definition);
  return validate(value) ? [] : validate.errors!;
}

/** Every violation in `value`; none if it is a case. */
export function violations(value: Json): Violation[] {
  if (isCase(value)) return [];
  const errors = errorsOf('', value);
  const badSteps = new Set<number>();
  const own: ErrorObject[] = [];
  for (const error of errors) {
    const step = /^\/steps\/(\d+)/.exec(error.instancePath);
    if (step === null) own.push(error);
    else badSteps.add(Number(step[1]));
  }
  const steps = isJsonObject(value) ? (value.steps as Json[]) : [];
  const inSteps = [...badSteps].flatMap((index) => stepViolations(steps[index]!, `/steps/${index}`, VERBS));
  return [...explainAll(own, ''), ...inSteps];
}

function explainAll(errors: readonly ErrorObject[], prefix: string): Violation[] {
  const found = new Map<string, Violation>();
  for (const error of errors) {
    const violation = explain(error, prefix);
    if (violation !== null) found.set(`${violation.pointer}\n${violation.message}`, violation);
  }
  return [...found.values()];
}

function stepViolations(step: Json, pointer: string, verbs: readonly string[]): Violation[] {
  const one = (message: string, at = pointer): Violation[] => [{ pointer: at, message }];
  if (!isJsonObject(step)) return one(`a step is an object with one verb: ${verbs.join(', ')}`);
  const names = Object.keys(step);
  const [verb, ...more] = names.filter((name) => verbs.includes(name));
  if (verb === undefined) return noVerb(names[0], pointer, verbs);
  if (more.length > 0) {
    return one(`a step has one verb, this one has ${[verb, ...more].join(' and ')}: make two steps of it`);
  }
  const inner = step[verb]!;
  const errors = errorsOf(verb, step);
  if (verb === 'io' && isJsonObject(inner)) {
    const beside = errors.filter((error) => error.instancePath === '');
    return [...explainAll(beside, pointer), ...ioViolations(inner, `${pointer}/io`)];
  }
  const within = '/either/step';
  const isWithin = (error: ErrorObject): boolean => error.instancePath.startsWith(within);
  const outside = explainAll(
    errors.filter((error) => !isWithin(error)),
    pointer,
  );
  if (!errors.some(isWithin)) return outside;
  return [...outside, ...stepViolations((inner as JsonObject).step!, pointer + within, VERBS_IN_EITHER)];
}

function noVerb(name: string | undefined, pointer: string, verbs: readonly string[]): Violation[] {
  if (name === undefined) return [{ pointer, message: 'a step without a verb' }];
  const hint = suggestion(name, verbs) || `; verbs are ${verbs.join(', ')}`;
  return [{ pointer: `${pointer}/${pointerToken(name)}`, message: `no such verb: "${name}"${hint}` }];
}

function ioViolations(io: JsonObject, pointer: string): Violation[] {
  const [operation, ...more] = IO_OPERATIONS.filter((name) => Object.hasOwn(io, name));
  if (operation !== undefined && more.length === 0) {
    const definition = `io${operation[0]!.toUpperCase()}${operation.slice(1)}`;
    return explainAll(errorsOf(definition, io), pointer);
  }
  const unknown = Object.keys(io).find((name) => name !== 'node' && !IO_OPERATIONS.includes(name));
  const hint = operation === undefined && unknown !== undefined ? suggestion(unknown, IO_OPERATIONS) : '';
  const count = operation === undefined ? 0 : 1 + more.length;
  return [
    { pointer, message: `io has exactly one of ${IO_OPERATIONS.join(', ')}; this has ${count}${hint}` },
  ];
}
