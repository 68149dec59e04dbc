import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Check, Emit, Grade } from '../../core/events.ts';
import { CommandFailed } from '../../core/fail.ts';
import { ownVersion } from '../../core/own-version.ts';
import type { Connection, RemoteProcess } from '../../host/transport/connection.ts';
import type { Spec, VerifyLevel } from '../../profile/profile.ts';
import { engineOf, forEngine } from './engine.ts';
import { type Evidence, journals, journalsCommand, ownEvidence } from './evidence.ts';
import { type Frame, linesOf, parseFrame } from './frame.ts';
import { fullJudges } from './full.ts';
import { handlerJudges } from './handlers.ts';
import { inputOf } from './input.ts';
import { kubeletJudges } from './kubelet.ts';
import { networkJudges } from './network.ts';
import { smokeJudges } from './smoke.ts';
import { streamJudges } from './streams.ts';
import { type Judge, verdictOf, wasRun } from './verdict.ts';
import { troubleJudges, walkThroughJudges } from './walk-through.ts';
import { listen, type Word } from './words.ts';

/** What the host is asked to run, and how the answers are judged. */
interface Examination {
  readonly script: string;
  readonly input: string;
  readonly judges: ReadonlyMap<string, Graded>;
}

interface Graded {
  readonly judge: Judge;
  readonly grade: Grade;
}

const scriptText = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

/** The scripts of each level, after those of the levels below it. */
const scripts: Readonly<Record<VerifyLevel, readonly string[]>> = {
  smoke: ['prelude.sh', 'inputs.sh', 'smoke.sh', 'kubelet.sh'],
  node: ['network.sh', 'streams.sh', 'walk-through.sh', 'handlers.sh'],
  full: ['full.sh'],
};

const levels: readonly VerifyLevel[] = ['smoke', 'node', 'full'];

/** The level of a host, after those below it. */
export const levelsOf = ({ verify }: Spec): readonly VerifyLevel[] =>
  levels.slice(0, levels.indexOf(verify.level) + 1);

const judgesOf = (
  spec: Spec,
  value: string,
  own: string,
): Readonly<Record<VerifyLevel, Iterable<readonly [string, Judge]>>> => ({
  smoke: [...smokeJudges(spec, own), ...kubeletJudges(spec)],
  node: [
    ...walkThroughJudges(spec, value),
    ...troubleJudges,
    ...networkJudges(spec, value),
    ...streamJudges,
    ...handlerJudges(spec),
  ],
  full: fullJudges(spec),
});

const examinationOf = async (spec: Spec): Promise<Examination> => {
  const uid = randomUUID();
  const value = uid.slice(0, 8);
  const asked = levelsOf(spec);
  const judges = judgesOf(spec, value, await ownVersion());
  return {
    script: (await Promise.all([...asked.flatMap((level) => scripts[level]), 'end.sh'].map(scriptText))).join(
      '\n',
    ),
    input: inputOf(spec, uid, value),
    judges: new Map(
      asked.flatMap((grade) => [...judges[grade]].map(([id, judge]) => [id, { judge, grade }] as const)),
    ),
  };
};

const frames = async function* (process: RemoteProcess): AsyncGenerator<Frame> {
  for await (const line of linesOf(process.stdout)) {
    const frame = parseFrame(line);
    if (frame) yield frame;
  }
};

/** Tells what the host is at. Words come another way than frames: one may be late, and its check told already. */
const teller = (host: string, spec: Spec, emit: Emit, isTold: (id: string) => boolean) => {
  const atWork = new Map<string, string>();
  let pulled = 0;
  return (word: Word): void => {
    const { kind, id } = word;
    if (isTold(id)) return;
    const about = { host, phase: 'verify', id } as const;
    // What is tried again and again is told once.
    if (kind === 'at' && atWork.get(id) !== word.command) {
      atWork.set(id, word.command);
      emit({ kind: 'command', ...about, command: word.command });
    }
    if (kind === 'over' && atWork.delete(id)) emit({ kind: 'command-ended', ...about });
    // What comes from our own registry is counted there.
    if (kind !== 'pull' || spec.verify.imageSource === 'embedded' || word.done === pulled) return;
    pulled = word.done;
    emit({ kind: 'bytes', host, id, done: word.done, total: word.total });
  };
};

const checkOf = async (
  frame: Frame,
  { judge, grade }: Graded,
  spec: Spec,
  gather: () => Promise<Evidence>,
): Promise<Check> => {
  const { ok, detail, remedy } = verdictOf(frame, judge);
  return {
    id: frame.id,
    title: judge.title,
    grade,
    ok,
    ...(wasRun(frame) ? {} : { notRun: true }),
    milliseconds: frame.milliseconds,
    detail,
    ...(ok || !wasRun(frame) ? {} : { evidence: [...ownEvidence(frame), ...(await gather())] }),
    ...(remedy === undefined ? {} : { remedy: forEngine(remedy, spec) }),
  };
};

const unknown: Graded = {
  judge: { title: 'unknown', judge: () => ({ ok: false, detail: 'berth does not know this check' }) },
  grade: 'smoke',
};

/** Checks are told as they end, which is not the same twice where some are done beside others: the list has an order. */
const inOrder = (checks: readonly Check[], ids: readonly string[]): readonly Check[] => {
  const placeOf = ({ id }: Check): number => (ids.includes(id) ? ids.indexOf(id) : ids.length);
  return checks.toSorted((a, b) => placeOf(a) - placeOf(b));
};

/**
 * Examines one host and tells each check as it is done. A red check is a result, not an error.
 * @throws Fail `CommandFailed` when the examination itself cannot run on the host; what the connection throws.
 */
export const verifyHost = async (
  connection: Connection,
  spec: Spec,
  options: { readonly emit: Emit; readonly signal: AbortSignal },
): Promise<readonly Check[]> => {
  const { emit, signal } = options;
  const { script, input, judges } = await examinationOf(spec);
  const remote = await connection.spawn(script, { signal });
  const { host } = connection;
  const checks: Check[] = [];
  const isTold = (id: string): boolean => checks.some((check) => check.id === id);
  const complaints = listen(remote.stderr, teller(host, spec, emit, isTold));
  // A script that breaks off closes its input; how it ended says more than the broken pipe.
  remote.stdin.on('error', () => undefined);
  remote.stdin.write(input);
  let journalsOnce: Promise<Evidence> | undefined;
  const gatherFor = (id: string) => (): Promise<Evidence> => {
    if (journalsOnce) return journalsOnce;
    const { units } = engineOf(spec);
    emit({ kind: 'command', host, phase: 'verify', id, command: journalsCommand(units) });
    journalsOnce = journals(connection, units, signal);
    return journalsOnce;
  };
  try {
    for await (const frame of frames(remote)) {
      const check = await checkOf(frame, judges.get(frame.id) ?? unknown, spec, gatherFor(frame.id));
      checks.push(check);
      emit({ kind: 'checked', host, check });
    }
  } catch (error) {
    // A stream that broke off is a symptom; why it did is known where the process ended.
    await remote.exited;
    throw error;
  } finally {
    // The end of its input tells the script that nobody waits for answers any more.
    remote.stdin.end();
  }
  const { exitCode } = await remote.exited;
  if (exitCode === 0 && checks.length > 0) return inOrder(checks, [...judges.keys()]);
  const run = { argv: ['sh', '-c', 'the verification'], exitCode, stdout: '', stderr: complaints() };
  throw new CommandFailed(
    `${connection.host}: the verification broke off after ${checks.length} checks`,
    run,
    {
      hint: 'it needs a writable /run, and mktemp, mkfifo, timeout and base64 on the host',
    },
  );
};
