import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { CommandFailed, Fail } from '../../core/fail.ts';
import { adviceOfPackager, adviceOfSystem, causeOfPackager } from './advice.ts';
import type { Work } from './step.ts';

/** What the host says while it works; executor.sh prints it. */
export type HostEvent =
  | { readonly kind: 'ready' | 'stopped' | 'end' | 'armed' | 'confirmed' }
  | { readonly kind: 'generation'; readonly number: number }
  | { readonly kind: 'locked'; readonly holder: string }
  | { readonly kind: 'begin' | 'done'; readonly id: string }
  /** The command of this step starts now; `step` is its index within the work. */
  | { readonly kind: 'run'; readonly step: number }
  /** `waiting` for a package manager, `turn` for another run of berth. */
  | { readonly kind: 'waiting' | 'turn'; readonly holder: string }
  | Failure;

export interface Failure {
  readonly kind: 'fail';
  readonly reason: string;
  readonly exitCode: number;
  /** Index of the step within its work. */
  readonly step: number;
  readonly detail: string;
  /** The end of what the command printed, or the programs with which a file was to be changed. */
  readonly output: string;
}

const decode = (field: string | undefined): string =>
  Buffer.from(field ?? '', 'base64')
    .toString('utf8')
    .trim();

/** What the host says, line by line, until it ends or the connection is lost. */
export async function* hostEvents(output: Readable): AsyncGenerator<HostEvent | undefined> {
  const lines = createInterface({ input: output });
  // A lost connection destroys the stream without an end, which readline alone would wait for for ever.
  output.on('error', () => {});
  output.once('close', () => lines.close());
  for await (const line of lines) yield parseHostEvent(line);
}

/** Undefined: nothing that we know; a newer host may say more. */
function parseHostEvent(line: string): HostEvent | undefined {
  const [kind, ...fields] = line.split('\t');
  switch (kind) {
    case 'ready':
    case 'stopped':
    case 'end':
    case 'armed':
    case 'confirmed':
      return { kind };
    case 'generation':
      return { kind, number: Number(fields[0]) };
    case 'locked':
    case 'waiting':
    case 'turn':
      return { kind, holder: decode(fields[0]) };
    case 'begin':
    case 'done':
      return { kind, id: fields[0] ?? '' };
    case 'run':
      return { kind, step: Number(fields[0] ?? '0') };
    case 'fail':
      return {
        kind,
        reason: fields[0] ?? '',
        exitCode: Number(fields[1] ?? '1'),
        step: Number(fields[2] ?? '0'),
        detail: decode(fields[3]),
        output: decode(fields[4]),
      };
    default:
      return undefined;
  }
}

export function lockedBy(host: string, holder: string): Fail {
  const who = holder.replaceAll('\t', ' ') || 'somebody whose name is not written yet';
  return new Fail('Locked', `${host}: another apply is at work there: ${who}`, {
    hint: 'Wait until it has ended, or give --lock-timeout SECONDS. The lock goes with its connection; one that was cut ends after its current step, and one whose machine has vanished is given up after a minute and a half.',
    context: { holder },
  });
}

export const endedEarly = (host: string): Fail =>
  new Fail('ConnectionLost', `${host}: the shell that applies the changes ended before its work`, {
    hint: 'Run the same command again: it goes on where this one stopped.',
  });

export const stoppedAnswering = (host: string): Fail =>
  new Fail('DeadlineExceeded', `${host}: the host stopped answering during the apply`, {
    hint: 'Look at its disks and load; the next apply goes on where this one stopped.',
  });

export const streamBroke = (host: string, cause: unknown): Fail =>
  new Fail('ConnectionLost', `${host}: the apply stream broke`, {
    hint: 'Run the same command again: it goes on where this one stopped.',
    cause,
  });

/** A file of this machine that is not there any more, or not as it was planned. */
export const cannotBeSent = (cause: unknown): Fail =>
  new Fail(
    'Internal',
    `a file for the host cannot be read: ${cause instanceof Error ? cause.message : cause}`,
    { cause },
  );

/** The failure of a step in the words of the installer. `work` is undefined before the first one began. */
export function describeFailure(host: string, work: Work | undefined, failure: Failure): Fail {
  const what = work === undefined ? host : `${host}: ${work.summary}`;
  const context = { step: failure.step, detail: failure.detail, output: failure.output };
  switch (failure.reason) {
    case 'disk-full':
      return new Fail('DiskFull', `${what}: the disk is full: ${failure.detail}`, {
        hint: 'Free space on the host and run the same command again: it goes on where this one stopped.',
        context,
      });
    case 'package-lock':
      return new Fail('PackageLock', `${what}: the package manager is locked by ${failure.detail}`, {
        hint: 'Let it finish, or stop it, and run the same command again.',
        context,
      });
    case 'deadline':
      return new Fail('DeadlineExceeded', `${what}: it did not end in time: ${failure.detail}`, { context });
    case 'moved':
      return new Fail('HostMoved', `${host}: somebody changed the host meanwhile: ${failure.detail}`, {
        hint: 'Run the same command again: it looks at the host anew.',
        context: { ...context, begun: false },
      });
    case 'guard':
      return new Fail(
        'RolledBack',
        `${what}: nobody confirmed in time; the host has put back what was before`,
        {
          context,
        },
      );
    case 'guard-start':
      return new Fail('CommandFailed', `${what}: ${failure.detail}; the change was not made`, {
        hint: 'See whether the host can start a transient unit: systemd-run true',
        context,
      });
    case 'is-a-directory':
      return new Fail('Unsupported', `${what}: ${failure.detail} is a folder`, {
        hint: 'Move it away: berth does not replace a folder by a file.',
        context,
      });
    case 'busy':
      return new Fail('CommandFailed', `${what}: ${failure.detail} and cannot be unmounted`, {
        hint: 'Find who uses it with fuser -vm on the host.',
        context,
      });
    case 'write':
    case 'delete': {
      const done = failure.reason === 'write' ? 'written' : 'deleted';
      const why = lastLineOf(failure.output);
      return new Fail(
        'CommandFailed',
        `${what}: ${failure.detail} cannot be ${done}${why === '' ? '' : `: ${why}`}`,
        { hint: adviceOfSystem(failure.detail, failure.output), context },
      );
    }
    default:
      return commandFailed(what, work, failure);
  }
}

const lastLineOf = (output: string): string => output.split('\n').at(-1) ?? '';

function commandFailed(what: string, work: Work | undefined, failure: Failure): Fail {
  const step = work?.steps[failure.step];
  const argv = step?.kind === 'run' ? step.argv : [failure.reason, failure.detail];
  const lastLine = lastLineOf(failure.output);
  const meaning = step?.kind === 'run' ? step.meanings?.[failure.exitCode] : undefined;
  if (meaning !== undefined) return new Fail(meaning, `${what}: ${lastLine}`, { context: { argv } });
  const hint =
    step?.kind === 'run'
      ? (step.hints?.[failure.exitCode] ?? adviceOfPackager(step, failure.output))
      : undefined;
  const cause = step?.kind === 'run' ? causeOfPackager(step, failure.output) : undefined;
  const why = lastLine === '' ? `${failure.reason} ${failure.detail}` : lastLine;
  return new CommandFailed(
    `${what}: exit code ${failure.exitCode}: ${cause ?? why}`,
    { argv, exitCode: failure.exitCode, stdout: failure.output, stderr: '' },
    { ...(hint === undefined ? {} : { hint }), context: { step: failure.step, detail: failure.detail } },
  );
}
