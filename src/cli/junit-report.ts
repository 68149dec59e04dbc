import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { asFail } from '../core/as-fail.ts';
import { type Check, type Event, isRed } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import { type HostReport, junitText } from '../faces/junit.ts';
import { scrubbedEvent, scrubbedFailure } from '../faces/scrubbed.ts';
import type { Work } from './run-command.ts';

const refused = (file: string, cause: unknown): Fail =>
  new Fail(
    'BadUsage',
    `--junit: ${file} cannot be written: ${cause instanceof Error ? cause.message : cause}`,
    {
      hint: 'name a file in a folder that exists and that you may write to',
      cause,
    },
  );

/** Asked before any host is: a wrong path must not cost a run. */
const requireWritable = async (file: string): Promise<void> => {
  try {
    await access(dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw refused(file, error);
  }
};

/** The file appears whole or not at all, also when the machine loses power. */
const writeWhole = async (file: string, text: string): Promise<void> => {
  const beside = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFile(beside, text, { flag: 'wx', flush: true });
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw refused(file, error);
  }
};

/**
 * Keeps what the events tell of each host. A check that was repeated, after a way back for instance, stays red when it
 * was red once.
 */
const gatherReports = (names: readonly string[]) => {
  const checks = new Map(names.map((name) => [name, new Map<string, Check>()]));
  const errors = new Map<string, Fail>();
  return {
    take: (event: Event): void => {
      if (event.kind === 'checked') {
        const seen = checks.get(event.host);
        const before = seen?.get(event.check.id);
        if (before === undefined || !isRed(before)) seen?.set(event.check.id, event.check);
      }
      if (event.kind === 'failed' && event.host !== undefined) errors.set(event.host, event.error);
    },
    /** `ended`: what ended the whole run, told by each host that has no error of its own. */
    reports: (ended: Fail | undefined): HostReport[] =>
      [...checks].map(([host, seen]) => {
        const error = errors.get(host) ?? ended;
        return { host, checks: [...seen.values()], ...(error === undefined ? {} : { error }) };
      }),
  };
};

/**
 * `work`, and what it found out about each host in `file` as JUnit XML: also when it fails or is interrupted.
 * @throws Fail `BadUsage` when the file cannot be written
 */
export const withJunit = (file: string | undefined, name: string, work: Work): Work => {
  if (file === undefined) return work;
  return async (context, face) => {
    await requireWritable(file);
    const startedAt = new Date();
    const gathered = gatherReports(context.hosts.map((host) => host.name));
    const emit = (event: Event): void => {
      gathered.take(scrubbedEvent(event));
      context.emit(event);
    };
    let ended: Fail | undefined;
    try {
      return await work({ ...context, emit }, face);
    } catch (error) {
      ended = scrubbedFailure(asFail(context.signal.aborted ? context.signal.reason : error));
      throw error;
    } finally {
      await writeWhole(file, junitText(gathered.reports(ended), { name, startedAt }));
    }
  };
};
