/**
 * The errors of the input layer: what can be wrong with a message before a command is run. The texts are those of QEMU
 * 7.2.22, measured; the rule beside each says when it is raised. QMP.md ends with this table.
 */
import { defineError } from './errors.js';

/** QMP-010 */
export const jsonStray = defineError('QMP-E-JSON-STRAY', 'GenericError', "JSON parse error, stray '{text}'");
/** QMP-012 */
export const jsonKeyword = defineError(
  'QMP-E-JSON-KEYWORD',
  'GenericError',
  "JSON parse error, invalid keyword '{word}'",
);
/** QMP-014 */
export const jsonValue = defineError('QMP-E-JSON-VALUE', 'GenericError', 'JSON parse error, expecting value');
export const jsonKey = defineError(
  'QMP-E-JSON-KEY',
  'GenericError',
  'JSON parse error, key is not a string in object',
);
export const jsonColon = defineError(
  'QMP-E-JSON-COLON',
  'GenericError',
  'JSON parse error, missing : in object pair',
);
export const jsonObjectSeparator = defineError(
  'QMP-E-JSON-OBJECT-SEPARATOR',
  'GenericError',
  'JSON parse error, expected separator in dict',
);
export const jsonArraySeparator = defineError(
  'QMP-E-JSON-ARRAY-SEPARATOR',
  'GenericError',
  'JSON parse error, expected separator in list',
);
export const jsonDuplicate = defineError(
  'QMP-E-JSON-DUPLICATE',
  'GenericError',
  'JSON parse error, duplicate key',
);
/** QMP-015 */
export const jsonEscape = defineError(
  'QMP-E-JSON-ESCAPE',
  'GenericError',
  'JSON parse error, invalid escape sequence in string',
);
export const jsonCharacter = defineError(
  'QMP-E-JSON-CHARACTER',
  'GenericError',
  'JSON parse error, {escape} is not a valid Unicode character',
);
/** QMP-016 */
export const jsonUtf8 = defineError(
  'QMP-E-JSON-UTF8',
  'GenericError',
  'JSON parse error, invalid UTF-8 sequence in string',
);
/** QMP-018 */
export const jsonSize = defineError('QMP-E-JSON-SIZE', 'GenericError', 'JSON token size limit exceeded');
export const jsonCount = defineError('QMP-E-JSON-COUNT', 'GenericError', 'JSON token count limit exceeded');
export const jsonDepth = defineError('QMP-E-JSON-DEPTH', 'GenericError', 'JSON nesting depth limit exceeded');
/** QMP-003 */
export const notObject = defineError('QMP-E-NOT-OBJECT', 'GenericError', 'QMP input must be a JSON object');
/** QMP-004 */
export const envelopeUnexpected = defineError(
  'QMP-E-INPUT-UNEXPECTED',
  'GenericError',
  "QMP input member '{name}' is unexpected",
);
export const executeType = defineError(
  'QMP-E-EXECUTE-TYPE',
  'GenericError',
  "QMP input member '{member:execute|exec-oob}' must be a string",
);
export const executeTwice = defineError(
  'QMP-E-EXECUTE-TWICE',
  'GenericError',
  "QMP input member 'execute' clashes with 'exec-oob'",
);
export const argumentsType = defineError(
  'QMP-E-ARGUMENTS-TYPE',
  'GenericError',
  "QMP input member 'arguments' must be an object",
);
export const noExecute = defineError('QMP-E-NO-EXECUTE', 'GenericError', "QMP input lacks member 'execute'");
/** QMP-005 */
export const commandNotFound = defineError(
  'QMP-E-COMMAND-NOT-FOUND',
  'CommandNotFound',
  'The command {name} has not been found',
);
/** QMP-002 */
export const negotiateFirst = defineError(
  'QMP-E-NEGOTIATE-FIRST',
  'CommandNotFound',
  "Expecting capabilities negotiation with 'qmp_capabilities'",
);
export const negotiated = defineError(
  'QMP-E-NEGOTIATED',
  'CommandNotFound',
  'Capabilities negotiation is already complete, command ignored',
);
/** QMP-007 */
export const oobUnsupported = defineError(
  'QMP-E-OOB-UNSUPPORTED',
  'GenericError',
  'The command {name} does not support OOB',
);
/** QMP-022 */
export const missing = defineError('QMP-E-MISSING', 'GenericError', "Parameter '{name}' is missing");
/** QMP-023 */
export const wrongType = defineError(
  'QMP-E-TYPE',
  'GenericError',
  "Invalid parameter type for '{name}', expected: {expected:string|boolean|integer|number|array|object|null}",
);
/** QMP-024 */
export const notUnsigned = defineError('QMP-E-UNSIGNED', 'GenericError', "Parameter '{name}' expects uint64");
/** QMP-025 */
export const outOfRange = defineError(
  'QMP-E-RANGE',
  'GenericError',
  "Parameter '{name}' expects {kind:int8_t|int16_t|int32_t|uint8_t|uint16_t|uint32_t}",
);
/** QMP-027 */
export const notAccepted = defineError(
  'QMP-E-ENUM',
  'GenericError',
  "Parameter '{name}' does not accept value '{value}'",
);
/** QMP-028 */
export const wrongAlternate = defineError(
  'QMP-E-ALTERNATE',
  'GenericError',
  "Invalid parameter type for '{name}', expected: {alternate}",
);
/** QMP-029 */
export const unexpected = defineError('QMP-E-UNEXPECTED', 'GenericError', "Parameter '{name}' is unexpected");
/** QMP-026; a decision of this specification, DESIGN C4 */
export const notExact = defineError(
  'QMP-E-BEYOND-2-53',
  'GenericError',
  "Parameter '{name}' is beyond 2^53-1, the largest offset of this implementation",
);

/** The errors of the input layer, in the order of the rules. */
export const INPUT_ERRORS = [
  jsonStray,
  jsonKeyword,
  jsonValue,
  jsonKey,
  jsonColon,
  jsonObjectSeparator,
  jsonArraySeparator,
  jsonDuplicate,
  jsonEscape,
  jsonCharacter,
  jsonUtf8,
  jsonSize,
  jsonCount,
  jsonDepth,
  notObject,
  envelopeUnexpected,
  executeType,
  executeTwice,
  argumentsType,
  noExecute,
  commandNotFound,
  negotiateFirst,
  negotiated,
  oobUnsupported,
  missing,
  wrongType,
  notUnsigned,
  outOfRange,
  notExact,
  notAccepted,
  wrongAlternate,
  unexpected,
] as const;
