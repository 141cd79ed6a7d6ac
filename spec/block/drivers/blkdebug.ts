/**
 * `blkdebug`: its child, and faults on request. FILTERS.md, REF-085 to REF-088. A rule becomes active by an event, and then
 * a request that it is about fails. Offsets and lengths are bytes.
 */
import { type Json, type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { linuxErrno } from '../../storage/linux-errno.js';
import { skipImplicit } from '../chain/walk.js';
import type { Edge } from '../edge.js';
import { down, type Limits, up } from '../limits/limits.js';
import { SECTOR } from '../node.js';
import { type Errno, isDone, RequestError } from '../request-error.js';
import type { DriverStatus } from '../status.js';
import type { DebugEvent, Driver, PreparedReopen } from './driver.js';
import { FilterDriver } from './filter.js';

export const IO_TYPES = ['read', 'write', 'write-zeroes', 'discard', 'flush', 'block-status'] as const;
export type IoType = (typeof IO_TYPES)[number];

/** What a rule leaves open is any: state, kind of request, place. */
export interface InjectError {
  readonly event: string;
  readonly state?: number | bigint | undefined;
  readonly iotype?: IoType | undefined;
  /** a number of Linux; default 5, EIO */
  readonly errno?: number | bigint | undefined;
  /** of 512 bytes; negative: any */
  readonly sector?: number | bigint | undefined;
  readonly once?: boolean | undefined;
}

export interface SetState {
  readonly event: string;
  readonly state?: number | bigint | undefined;
  readonly new_state: number | bigint;
}

export interface BlkdebugOptions {
  readonly injectErrors: readonly InjectError[];
  readonly setStates: readonly SetState[];
  /** those of `align`, `max-transfer` and so on that were given */
  readonly given: JsonObject;
  /** what of them is not 0 */
  readonly limits: Limits;
}

/** What a guest gets for an errno of Linux; what NBD has no word for is EINVAL. */
const ERRNOS: ReadonlyMap<number, Errno> = new Map([
  [1, 'EPERM'],
  [5, 'EIO'],
  [12, 'ENOMEM'],
  [27, 'ENOSPC'], // EFBIG
  [28, 'ENOSPC'],
  [30, 'EPERM'], // EROFS
  [75, 'EOVERFLOW'],
  [95, 'ENOTSUP'],
  [108, 'ESHUTDOWN'],
  [122, 'ENOSPC'], // EDQUOT
]);

const EIO = 5;
const ENOSPC = 28;

/** The kinds of request that a rule without `iotype` is about. */
const ANY: ReadonlySet<IoType> = new Set(['read', 'write', 'write-zeroes', 'discard', 'flush']);

export function openBlkdebug(image: Edge, options: BlkdebugOptions): Driver {
  return new BlkdebugDriver(image, options);
}

class BlkdebugDriver extends FilterDriver {
  readonly name = 'blkdebug';
  readonly canBreak = true;
  readonly isProtocol = true;
  readonly limits: Limits;
  readonly #options: BlkdebugOptions;
  /** rules that are still there */
  readonly #rules: InjectError[];
  #active: InjectError[] = [];
  #state: number | bigint = 1;
  /** something was written since the last flush: only then is there anything to flush */
  #isChanged = false;

  constructor(image: Edge, options: BlkdebugOptions) {
    super(image);
    this.#options = options;
    this.limits = options.limits;
    this.#rules = [...options.injectErrors];
    this.debugEvent('none');
  }

  /** REF-086: the rules of this event become the active ones, if there are any for the present state. */
  debugEvent(event: DebugEvent): void {
    const isNow = ({ event: of, state = 0 }: InjectError | SetState): boolean =>
      of === event && (state === 0 || state === this.#state);
    const injected = this.#rules.filter(isNow);
    if (injected.length > 0) this.#active = injected;
    const next = this.#options.setStates.find(isNow);
    if (next !== undefined) this.#state = next.new_state;
  }

  override read(offset: number, into: Uint8Array): void {
    this.#check('read', offset, into.length);
    super.read(offset, into);
  }

  override write(offset: number, bytes: Uint8Array): void {
    this.#isChanged = true;
    this.#check('write', offset, bytes.length);
    super.write(offset, bytes);
  }

  override zero(offset: number, length: number): void {
    this.#isChanged = true;
    // REF-096
    const { align = 1, optWriteZero = 0 } = this.limits;
    if (length < Math.max(align, optWriteZero))
      throw new RequestError('ENOTSUP', 'zeros of less than a block');
    this.#check('write-zeroes', offset, length);
    super.zero(offset, length);
  }

  override copyUp(offset: number, length: number): void {
    this.#isChanged = true;
    this.#check('read', offset, length);
    if (this.#active.length > 0) this.#checkCopy(offset, length);
    super.copyUp(offset, length);
  }

  override discard(offset: number, length: number): void {
    this.#isChanged = true;
    this.#check('discard', offset, length);
    super.discard(offset, length);
  }

  override flush(): void {
    if (this.#isChanged) this.#check('flush', 0, 0);
    this.#isChanged = false;
    super.flush();
  }

  override status(offset: number, length: number): DriverStatus {
    // REF-096: asked for whole blocks
    const { align = 1 } = this.limits;
    const start = down(offset, align);
    this.#check('block-status', start, up(offset + length, align) - start);
    return super.status(offset, length);
  }

  /** What is copied up is written as zeros if it is nothing else. REF-081 @throws RequestError */
  #checkCopy(offset: number, length: number): void {
    const bytes = new Uint8Array(length);
    super.read(offset, bytes);
    const isZero = bytes.every((byte) => byte === 0);
    if (!isZero || !isDone(() => this.#check('write-zeroes', offset, length)))
      this.#check('write', offset, length);
  }

  /** REF-087 @throws RequestError */
  #check(kind: IoType, offset: number, length: number): void {
    const rule = this.#active.find(({ iotype, sector = -1 }) => {
      const place = Number(sector) * SECTOR;
      const isThere = sector < 0 || (length > 0 && place >= offset && place < offset + length);
      return isThere && (iotype === undefined ? ANY.has(kind) : iotype === kind);
    });
    if (rule === undefined || rule.errno === 0) return;
    if (rule.once === true) {
      this.#active = this.#active.filter((one) => one !== rule);
      this.#rules.splice(this.#rules.indexOf(rule), 1);
    }
    const errno = Number(rule.errno ?? EIO);
    const origin = errno === ENOSPC ? 'ENOSPC' : linuxErrno(errno);
    throw new RequestError(ERRNOS.get(errno) ?? 'EINVAL', `a fault of ${this.name}`, origin);
  }

  /** Nothing of it can be changed. REF-037 */
  reopen(): PreparedReopen {
    return {};
  }

  /** REF-085 */
  override filename(): string {
    const { driver, filename } = skipImplicit(this.file.child);
    const { injectErrors, setStates, given } = this.#options;
    const hasOptions = injectErrors.length + setStates.length + Object.keys(given).length > 0;
    const isNamed = driver.isNamedAsChild === true || !filename.startsWith('json:');
    return !hasOptions && isNamed ? `blkdebug::${filename}` : `json:${writeJson(this.describe())}`;
  }

  override describe(): JsonObject {
    const image = this.file.child.shownOptions;
    const shown = jsonObject({ driver: this.name, image });
    const { injectErrors, setStates, given } = this.#options;
    Object.assign(shown, given, flat('inject-error', injectErrors), flat('set-state', setStates));
    return shown;
  }
}

/** `inject-error.0.event` and so on, as they stand in the name of such a node. */
function flat(option: string, rules: readonly (InjectError | SetState)[]): JsonObject {
  const members = rules.flatMap((rule, index) =>
    Object.entries(rule)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [`${option}.${index}.${name}`, value as Json] as const),
  );
  return jsonObject(Object.fromEntries(members));
}
