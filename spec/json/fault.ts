/** The faults of QMP input as JSON, by kind and without QEMU's words, which spec/qmp/monitor.ts adds. */

/** What can be wrong with QMP input as JSON. */
export type FaultKind =
  | 'stray'
  | 'keyword'
  | 'value'
  | 'key'
  | 'colon'
  | 'object-separator'
  | 'array-separator'
  | 'duplicate'
  | 'escape'
  | 'utf-8'
  | 'character'
  | 'size'
  | 'count'
  | 'depth';

export class JsonFault extends Error {
  readonly kind: FaultKind;
  /** the offending text of a stray, keyword or character fault */
  readonly text: string;
  constructor(kind: FaultKind, text = '') {
    super(`${kind} ${text}`.trimEnd());
    this.name = 'JsonFault';
    this.kind = kind;
    this.text = text;
  }
}
