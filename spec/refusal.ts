/**
 * What every part of the specification throws when it refuses: an id that never changes, and a text. QMP turns a
 * refusal into an error reply. Anything else that is thrown is a mistake of the specification itself.
 */

/** Values for the places of a text template. */
export type RefusalArgs = Readonly<Record<string, string | number | bigint>>;

/** It has no stack: a refusal is no mistake, and to note where it was thought of took longer than the rest of most. */
export class Refusal extends Error {
  readonly id: string;
  readonly args: RefusalArgs;

  /** @param template text with `{places}` that `args` fills */
  constructor(id: string, template: string, args: RefusalArgs = {}) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(template.replace(/\{(\w+)\}/g, (whole, place: string) => String(args[place] ?? whole)));
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Refusal';
    this.id = id;
    this.args = args;
  }
}
