import { asFail } from '../core/as-fail.ts';
import type { Face } from '../faces/face.ts';
import { openFace } from '../faces/open-face.ts';
import type { FlowContext } from '../flows/context.ts';
import { loadProfile } from '../profile/load-profile.ts';
import { chooseArtifactCache } from './artifact-cache.ts';
import { withArtifactSources } from './artifact-sources.ts';
import { keepConnections } from './connections.ts';
import { exitCodeOf } from './exit-codes.ts';
import { listenForInterrupts } from './interrupts.ts';
import { type RunOptions, selectHosts } from './options.ts';
import { secretReader } from './secrets.ts';

/** The part of a command between its arguments and its exit code. */
export type Work = (context: FlowContext, face: Face) => Promise<number>;

const withHosts = async (
  file: string,
  options: RunOptions,
  face: Face,
  signal: AbortSignal,
  work: Work,
): Promise<number> => {
  const profile = withArtifactSources(await loadProfile(file), process.env);
  const hosts = selectHosts(profile, options.hosts);
  chooseArtifactCache(hosts);
  const emit = face.emit.bind(face);
  const readSecret = secretReader(hosts, { signal, mayAsk: !options.ci, suspend: face.suspend.bind(face) });
  const started = performance.now();
  await using connections = keepConnections({ signal, emit, readSecret });
  const context: FlowContext = {
    profile,
    hosts,
    connect: connections.connect,
    emit,
    signal,
    parallel: options.parallel,
  };
  try {
    return await work(context, face);
  } finally {
    if (options.stats)
      face.stats({ milliseconds: performance.now() - started, hosts: await connections.stats() });
  }
};

/**
 * Runs a command on the hosts of a profile, with a face that fits the options, an orderly end on signals, and every
 * connection closed at the end. The answer is the exit code.
 */
export const runOnHosts = async (file: string, options: RunOptions, work: Work): Promise<number> => {
  const face = await openFace(options);
  using interrupts = listenForInterrupts((name) => {
    const message = `${name}: finishing or undoing the step at work; a second one ends berth at once`;
    face.emit({ kind: 'note', level: 'warn', message });
  });
  const exitCode = await withHosts(file, options, face, interrupts.signal, work).catch((error: unknown) => {
    // What an interruption breaks on its way is part of the interruption.
    const fail = asFail(interrupts.signal.aborted ? interrupts.signal.reason : error);
    face.failure(fail);
    return exitCodeOf(fail);
  });
  face.end(exitCode);
  return exitCode;
};
