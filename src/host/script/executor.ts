import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { quote } from '../quote.ts';
import { graceSeconds } from './guard.ts';
import { stateFolder, transientFolder } from './state.ts';
import type { Work } from './step.ts';

/** What a generation says of itself on the host. */
interface About {
  /** Number of the generation whose state a rollback makes again. */
  readonly to?: number;
  /** Version of berth. */
  readonly berth: string;
  /** What the host follows afterwards, as JSON. */
  readonly spec: string;
  /** Generations that stay on the host. */
  readonly keep: number;
}

export interface ExecutorOptions {
  /** `reset` notes no origins and ends by taking berth's memory of the host away. */
  readonly mode: 'apply' | 'rollback' | 'reset';
  readonly about?: About;
  /** Who applies, for the lock and the journal; the person who runs berth unless said otherwise. */
  readonly by?: string;
  /** Seconds to wait while somebody else is at work on the host. */
  readonly lockTimeoutSeconds?: number;
  /** Seconds in which a new connection must confirm guarded works. */
  readonly graceSeconds?: number;
  /** Seconds without a word from us after which the host gives us up; `silenceSeconds` unless said otherwise. */
  readonly silenceSeconds?: number;
  /** For tests: where berth keeps its memory on the host. */
  readonly state?: string;
  readonly transient?: string;
}

/** A break of the network that TCP survives is shorter; who waits for the lock waits no longer. */
export const silenceSeconds = 90;

const textOf = (name: string): Promise<string> => {
  const text = readFile(new URL(name, import.meta.url), 'utf8');
  text.catch(() => {});
  return text;
};
const executorTexts = Promise.all(
  [
    '../facts/lock-holder',
    ...['./memory', './steps', './packages', './arm-guard', './heartbeat', './executor'],
  ].map((name) => textOf(`${name}.sh`)),
);
executorTexts.catch(() => {});
const guardText = textOf('./guard.sh');

/** The script whose shell takes the works: executor.sh and its parts, with their parameters. */
export async function executorScript(works: readonly Work[], options: ExecutorOptions): Promise<string> {
  const { mode, about, state = stateFolder, transient = transientFolder } = options;
  const spec = about?.spec ?? '';
  const parameters = {
    state,
    run: transient,
    mode,
    by: options.by ?? `${userInfo().username}@${hostname()}`,
    about: [mode, about?.to ?? '-', about?.berth ?? '-', digestOf(spec), works.length].join('\t'),
    spec: Buffer.from(spec).toString('base64'),
    keep: String(about?.keep ?? 10),
    patience: String(options.lockTimeoutSeconds ?? 0),
    grace: String(options.graceSeconds ?? graceSeconds),
    silence: String(options.silenceSeconds ?? silenceSeconds),
    guard_text: works.some((work) => work.guarded) ? Buffer.from(await guardText).toString('base64') : '',
  };
  const assignments = Object.entries(parameters).map(([name, value]) => `${name}=${quote(value)}`);
  return [...assignments, ...(await executorTexts)].join('\n');
}

const digestOf = (spec: string): string =>
  spec === '' ? '-' : createHash('sha256').update(spec).digest('hex').slice(0, 12);
