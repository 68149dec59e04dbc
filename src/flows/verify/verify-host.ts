import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Check, Emit } from '../../core/events.ts';
import { CommandFailed } from '../../core/fail.ts';
import type { Connection, RemoteProcess } from '../../host/transport/connection.ts';
import type { Spec } from '../../profile/profile.ts';
import { type Evidence, journals, ownEvidence } from './evidence.ts';
import { type Frame, linesOf, parseFrame } from './frame.ts';
import { podForms } from './pod.ts';
import { smokeJudges } from './smoke.ts';
import { type Judge, verdictOf, wasRun } from './verdict.ts';
import { troubleJudges, walkThroughJudges } from './walk-through.ts';

/** What the host is asked to run, and how the answers are judged. */
interface Examination {
  readonly script: string;
  readonly input: string;
  readonly judges: ReadonlyMap<string, Judge>;
}

const scriptText = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

const examinationOf = async (spec: Spec): Promise<Examination> => {
  const uid = randomUUID();
  const value = uid.slice(0, 8);
  const { pod, container } = podForms(spec.verify.image, uid);
  const lines = [
    spec.ociRuntimes.map(({ name }) => name).join(' '),
    spec.cni.pluginDirs.join(' '),
    spec.verify.image,
    pod,
    container,
    value,
  ];
  const walks = spec.verify.level === 'node';
  const parts = ['prelude.sh', 'inputs.sh', 'smoke.sh', ...(walks ? ['walk-through.sh'] : [])];
  return {
    script: (await Promise.all(parts.map(scriptText))).join('\n'),
    input: `${lines.join('\n')}\n`,
    judges: new Map([...smokeJudges(spec), ...(walks ? walkThroughJudges(spec, value) : [])]),
  };
};

/** Collects stderr of the script itself, bounded: it is shown when the script breaks. */
const tailOf = (process: RemoteProcess): (() => string) => {
  let text = '';
  process.stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-8192);
  });
  return () => text;
};

const frames = async function* (process: RemoteProcess): AsyncGenerator<Frame> {
  for await (const line of linesOf(process.stdout)) {
    const frame = parseFrame(line);
    if (frame) yield frame;
  }
};

const checkOf = async (frame: Frame, judge: Judge, gather: () => Promise<Evidence>): Promise<Check> => {
  const { ok, detail, remedy } = verdictOf(frame, judge);
  return {
    id: frame.id,
    title: judge.title,
    ok,
    milliseconds: frame.milliseconds,
    detail,
    ...(ok || !wasRun(frame) ? {} : { evidence: [...ownEvidence(frame), ...(await gather())] }),
    ...(remedy === undefined ? {} : { remedy }),
  };
};

const unknownJudge: Judge = {
  title: 'unknown',
  judge: () => ({ ok: false, detail: 'berth does not know this check' }),
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
  const complaints = tailOf(remote);
  // A script that breaks off closes its input; how it ended says more than the broken pipe.
  remote.stdin.on('error', () => undefined);
  remote.stdin.write(input);
  const checks: Check[] = [];
  let journalsOnce: Promise<Evidence> | undefined;
  const gather = (): Promise<Evidence> => {
    journalsOnce ??= journals(connection, signal);
    return journalsOnce;
  };
  try {
    for await (const frame of frames(remote)) {
      const judge = judges.get(frame.id) ?? troubleJudges.get(frame.id) ?? unknownJudge;
      const check = await checkOf(frame, judge, gather);
      checks.push(check);
      emit({ kind: 'checked', host: connection.host, check });
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
  if (exitCode === 0 && checks.length > 0) return checks;
  const run = { argv: ['sh', '-c', 'the verification'], exitCode, stdout: '', stderr: complaints() };
  throw new CommandFailed(
    `${connection.host}: the verification broke off after ${checks.length} checks`,
    run,
    {
      hint: 'it needs a writable /run, and mktemp, timeout and base64 on the host',
    },
  );
};
