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
import { type Judge, verdictOf } from './verdict.ts';
import { troubleJudges, walkThroughJudges } from './walk-through.ts';

/** What the host is asked to run, and how the answers are judged. */
interface Examination {
  readonly script: string;
  readonly input: string;
  readonly judges: ReadonlyMap<string, Judge>;
}

const scriptText = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

const smoke = async (spec: Spec): Promise<Examination> => ({
  script: (await scriptText('prelude.sh')) + (await scriptText('smoke.sh')),
  input: `${spec.ociRuntimes.map(({ name }) => name).join(' ')}\n${spec.cni.pluginDirs.join(' ')}\n`,
  judges: smokeJudges(spec),
});

const node = async (spec: Spec): Promise<Examination> => {
  const basis = await smoke(spec);
  const uid = randomUUID();
  const value = uid.slice(0, 8);
  const forms = podForms(spec.verify.image, uid);
  return {
    script: basis.script + (await scriptText('walk-through.sh')),
    input: `${basis.input}${[spec.verify.image, forms.pod, forms.container, value].join('\n')}\n`,
    judges: new Map([...basis.judges, ...walkThroughJudges(spec, value)]),
  };
};

export const examinationOf = (spec: Spec): Promise<Examination> =>
  spec.verify.level === 'smoke' ? smoke(spec) : node(spec);

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
    ...(ok ? {} : { evidence: [...ownEvidence(frame), ...(await gather())] }),
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
  const process = await connection.spawn(script, { signal });
  const complaints = tailOf(process);
  // A script that breaks off closes its input; how it ended says more than the broken pipe.
  process.stdin.on('error', () => undefined);
  process.stdin.end(input);
  const checks: Check[] = [];
  let journalsOnce: Promise<Evidence> | undefined;
  const gather = (): Promise<Evidence> => {
    journalsOnce ??= journals(connection, signal);
    return journalsOnce;
  };
  for await (const frame of frames(process)) {
    const judge = judges.get(frame.id) ?? troubleJudges.get(frame.id) ?? unknownJudge;
    const check = await checkOf(frame, judge, gather);
    checks.push(check);
    emit({ kind: 'checked', host: connection.host, check });
  }
  const { exitCode } = await process.exited;
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
