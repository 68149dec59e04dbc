import { lockBeside } from '../artifacts/lock/read-lock.ts';
import { asFail } from '../core/as-fail.ts';
import { ownVersion } from '../core/own-version.ts';
import { bothFaces } from '../faces/both-faces.ts';
import type { Face } from '../faces/face.ts';
import { scrubbedFace } from '../faces/scrubbed.ts';
import type { FlowContext } from '../flows/context.ts';
import type { ReadSecret } from '../host/transport/open.ts';
import { loadProfile, type ProfileAdditions } from '../profile/load-profile.ts';
import { chooseArtifactCache } from './artifact-cache.ts';
import { withArtifactSources } from './artifact-sources.ts';
import { followWork } from './at-work.ts';
import { keepConnections } from './connections.ts';
import { exitCodeOf } from './exit-codes.ts';
import { listenForInterrupts } from './interrupts.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { goOnUnheard } from './lost-readers.ts';
import {
  additionsOf,
  type ChangeOptions,
  type RunOptions,
  requireKnownTags,
  rollbackPolicyOf,
  selectHosts,
} from './options.ts';
import { runnerMasks } from './runner-masks.ts';
import { secretReader } from './secrets.ts';
import { withFace } from './with-face.ts';

/** The part of a command between its arguments and its exit code. */
export type Work = (context: FlowContext, face: Face) => Promise<number>;

/** What a run is about, where the arguments alone do not say it. */
export interface Subject {
  readonly profile: string;
  readonly additions?: ProfileAdditions;
  readonly hosts?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
}

export type SubjectOf = string | (() => Promise<Subject>);

const withHosts = async (
  subjectOf: SubjectOf,
  options: RunOptions & Partial<ChangeOptions>,
  face: Face,
  signal: AbortSignal,
  work: Work,
): Promise<number> => {
  const subject: Subject = typeof subjectOf === 'string' ? { profile: subjectOf } : await subjectOf();
  const tags = options.tags ?? subject.tags;
  requireKnownTags(tags);
  const additions = subject.additions ?? additionsOf(options);
  const profile = withArtifactSources(await loadProfile(subject.profile, additions), process.env);
  const hosts = selectHosts(profile, options.hosts ?? subject.hosts);
  chooseArtifactCache(hosts);
  const emit = face.emit.bind(face);
  emit({ kind: 'run-started', profile: profile.file, hosts: hosts.map(({ name }) => name) });
  const secrets = secretReader(hosts, {
    signal,
    mayAsk: !options.ci,
    suspend: face.suspend.bind(face),
    onRead: runnerMasks(),
  });
  const readSecret: ReadSecret = async (source, what) => (await secrets(source, what)).reveal();
  const started = performance.now();
  await using connections = keepConnections({ signal, emit, readSecret });
  const context: FlowContext = {
    profile,
    hosts,
    connect: connections.connect,
    reconnect: connections.reconnect,
    emit,
    signal,
    parallel: options.parallel,
    maxFailures: options.maxFailures,
    lockTimeoutSeconds: options.lockTimeout,
    rollback: rollbackPolicyOf(options),
    tags,
    secret: secrets,
    lock: once(() => lockBeside(profile.file)),
  };
  try {
    return await work(context, face);
  } finally {
    if (options.stats)
      face.stats({ milliseconds: performance.now() - started, hosts: await connections.stats() });
  }
};

/** Reads the lock at most once, and not at all for commands that do not ask. */
const once = <T>(read: () => Promise<T>): (() => Promise<T>) => {
  let reading: Promise<T> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
};

const logFor = async (options: RunOptions, face: Face): Promise<LogFile | undefined> => {
  if (options.logFile === undefined) return undefined;
  const about = { berth: await ownVersion(), pid: process.pid, arguments: process.argv.slice(2) };
  return openLogFile(options.logFile, about, (why) =>
    face.emit({ kind: 'note', level: 'warn', message: `nothing more goes to ${options.logFile}: ${why}` }),
  );
};

/**
 * Runs a command on the hosts of a profile, with a face that fits the options, an orderly end on signals, and every
 * connection closed at the end. The answer is the exit code.
 */
export const runOnHosts = async (subject: SubjectOf, options: RunOptions, work: Work): Promise<number> => {
  goOnUnheard();
  return await withFace(options, (shown) => runWith(shown, subject, options, work));
};

/** Throws where what the run is to be written to cannot be. */
const runWith = async (shown: Face, subject: SubjectOf, options: RunOptions, work: Work): Promise<number> => {
  using log = await logFor(options, shown);
  const scrubbed = scrubbedFace(log === undefined ? shown : bothFaces(shown, log.face));
  const { emit, isAtWork } = followWork(scrubbed.emit.bind(scrubbed));
  const face: Face = { ...scrubbed, emit };
  using interrupts = listenForInterrupts((name) => {
    if (!isAtWork()) return;
    const atOnce = name === 'SIGHUP' ? 'SIGTERM' : 'a second one';
    const message = `${name}: finishing or undoing the step at work; ${atOnce} ends berth at once`;
    face.emit({ kind: 'note', level: 'warn', message });
  });
  const exitCode = await withHosts(subject, options, face, interrupts.signal, work).catch(
    (error: unknown) => {
      // What an interruption breaks on its way is part of the interruption.
      const fail = asFail(interrupts.signal.aborted ? interrupts.signal.reason : error);
      face.failure(fail);
      return exitCodeOf(fail);
    },
  );
  await shown.untilRead?.(interrupts.signal);
  face.end(exitCode);
  return exitCode;
};
