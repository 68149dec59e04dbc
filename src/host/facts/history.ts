import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { CommandFailed } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import { stateFolder } from '../script/state.ts';
import type { Connection } from '../transport/connection.ts';
import { type OriginRecord, parseOrigin, records } from './install.ts';
import { decode, type Lines, linesOf } from './lines.ts';
import { splitTopics } from './probe.ts';

/** How something was when a generation touched it, in the order of touching. */
export type BeforeRecord =
  | OriginRecord
  /** Undefined: it was, or became, not installed. */
  | {
      readonly kind: 'version';
      readonly name: string;
      readonly from: string | undefined;
      readonly to: string | undefined;
    }
  /** A unit that ran with something that the generation changed. */
  | { readonly kind: 'disturbed'; readonly name: string }
  /** A kernel module that was unloaded. */
  | { readonly kind: 'loaded'; readonly name: string };

/** What the generations of a host keep for the way back. */
export interface History {
  readonly before: ReadonlyMap<number, readonly BeforeRecord[]>;
  /** Number of the newest generation, also of one that kept nothing; 0: there is none. */
  readonly newest: number;
  /** What the host followed after a generation, as JSON; generations of berth 0.1 have none. */
  readonly specs: ReadonlyMap<number, string>;
  /** Contents that are whole, by digest; the text of small ones. */
  readonly objects: ReadonlyMap<string, string | undefined>;
  /** Versions of the packages that a generation names. */
  readonly installed: ReadonlyMap<string, string>;
  readonly available: ReadonlyMap<string, readonly string[]>;
}

/** The package manager may have to read all its lists. */
const deadlineMs = 120_000;

const historyText = readFile(new URL('./history.sh', import.meta.url), 'utf8');
historyText.catch(() => {});

/** Reads what the generations of a host keep: one command, whatever their number. */
export async function readHistory(connection: Connection, signal: AbortSignal): Promise<History> {
  const script = `state=${quote(stateFolder)}\n${await historyText}`;
  const deadline = AbortSignal.timeout(deadlineMs);
  const result = await connection.sh(script, { signal: AbortSignal.any([signal, deadline]) });
  const topics = splitTopics(result.stdout);
  if (result.exitCode !== 0 || !topics.has('end')) {
    throw new CommandFailed(
      `${connection.host}: the host did not finish telling its generations`,
      { argv: ['sh', 'history.sh'], ...result },
      { hint: 'The output below says where it stopped.' },
    );
  }
  return parseHistory(topics.get('history') ?? []);
}

export function parseHistory(lines: Lines): History {
  const available = new Map<string, string[]>();
  for (const [name = '', version = ''] of linesOf(lines, 'available'))
    available.set(name, [...(available.get(name) ?? []), version]);
  return {
    before: new Map(
      linesOf(lines, 'before').map(([number, text = '']) => [
        Number(number),
        records(text).flatMap(parseRecord),
      ]),
    ),
    newest: Math.max(0, ...linesOf(lines, 'generation').map(([number]) => Number(number))),
    specs: new Map(
      linesOf(lines, 'spec').map(([number, text]) => [Number(number), decode(text).toString('utf8')]),
    ),
    objects: new Map(linesOf(lines, 'object').map(([digest = '', content]) => [digest, textOf(content)])),
    installed: new Map(linesOf(lines, 'installed').map(([name = '', version = '']) => [name, version])),
    available,
  };
}

function textOf(content: string | undefined): string | undefined {
  if (content === undefined) return undefined;
  const bytes = decode(content);
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function parseRecord(fields: readonly string[]): BeforeRecord[] {
  const [kind, name = '', from, to] = fields;
  if (kind === 'version') return [{ kind, name, from: versionOf(from), to: versionOf(to) }];
  return kind === 'disturbed' || kind === 'loaded' ? [{ kind, name }] : parseOrigin(fields);
}

const versionOf = (field: string | undefined): string | undefined =>
  field === undefined || field === '-' ? undefined : field;
