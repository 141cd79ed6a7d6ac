/** The format part of an adapter: files and questions about the QBM image that they are. */
import { type Area, joinAreas } from '../observe.js';
import {
  type CheckReport,
  Declined,
  type FormatFinding,
  type FormatPart,
  type FormatRefusal,
  type Inspection,
  type Trust,
} from '../target.js';
import type { Answers, File, Finding, FoundBitmap, Refused, Request, Skipped } from './protocol.js';

/** A running adapter. */
interface Asked {
  ask<C extends Request['cmd']>(request: Request & { readonly cmd: C }, limitMs: number): Promise<Answers[C]>;
}

export class AdapterFormat implements FormatPart {
  readonly #adapter: Asked;
  readonly #limitMs: number;

  constructor(adapter: Asked, limitMs: number) {
    this.#adapter = adapter;
    this.#limitMs = limitMs;
  }

  async put(name: string, content: Uint8Array | number): Promise<void> {
    await this.putAll([[name, content]]);
  }

  /** All of them by one request. */
  async putAll(files: Iterable<readonly [name: string, content: Uint8Array | number]>): Promise<void> {
    const answer = await this.#adapter.ask({ cmd: 'load', files: Array.from(files, asFile) }, this.#limitMs);
    if ('skipped' in answer) throw declined(answer);
  }

  async inspect(
    name: string,
    { trust, verify }: { trust: Trust; verify: boolean },
  ): Promise<Inspection | FormatRefusal> {
    const more = verify ? ({ verify: 'checksums' } as const) : {};
    const answer = await this.#adapter.ask({ cmd: 'inspect', name, trust, ...more }, this.#limitMs);
    if ('skipped' in answer) throw declined(answer);
    if ('error' in answer) return refusal(answer);
    const bitmaps = answer.bitmaps.map(inspected).sort((a, b) => (a.name < b.name ? -1 : 1));
    return { size: Number(answer.size), bitmaps, backing: answer.backing ?? null };
  }

  async check(
    name: string,
    { trust, repair }: { trust: Trust; repair: boolean },
  ): Promise<CheckReport | FormatRefusal> {
    const more = repair ? ({ repair: true } as const) : {};
    const answer = await this.#adapter.ask({ cmd: 'check', name, trust, ...more }, this.#limitMs);
    if ('skipped' in answer) throw declined(answer);
    if ('error' in answer) return refusal(answer);
    return { repaired: (answer.repaired ?? []).map(finding), findings: answer.findings.map(finding) };
  }
}

function asFile([name, content]: readonly [string, Uint8Array | number]): File {
  if (typeof content === 'number') return { name, size: String(content) };
  return { name, content: Buffer.from(content).toString('base64') };
}

function declined({ reason, link }: Skipped): Declined {
  return new Declined(reason, link);
}

function refusal({ error, message = '', line, column }: Refused): FormatRefusal {
  const place = line === undefined || column === undefined ? null : { line, column };
  return { error: { id: error, text: message, place } };
}

function inspected({ granularity, areas, ...rest }: FoundBitmap): Inspection['bitmaps'][number] {
  const inBytes = areas?.map(
    ([offset, length]): Area => ({ offset: Number(offset), length: Number(length) }),
  );
  return {
    ...rest,
    granularity: Number(granularity),
    areas: inBytes === undefined ? null : joinAreas(inBytes),
  };
}

function finding({ id, severity, bitmap }: Finding): FormatFinding {
  return { id, severity, bitmap: bitmap ?? null };
}
