import { asFail } from '../core/as-fail.ts';
import { type Check, type Event, isRed, type Phase } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import { scrub } from '../core/secret.ts';
import type { Face } from '../faces/face.ts';
import { type ChangeReport, type HostReport, junitText } from '../faces/junit.ts';
import { scrubbedEvent, scrubbedFailure } from '../faces/scrubbed.ts';
import type { Change, Plan } from '../resources/change.ts';
import { exitCodes } from './exit-codes.ts';
import type { Work } from './run-command.ts';
import { requireWritable, writeWhole } from './write-whole.ts';

/** Those whose steps are changes of the host. */
const changing: ReadonlySet<Phase> = new Set(['apply', 'rollback', 'reset']);

/** One that was planned, and that nobody came to. */
const notBegunChange = ({ id, summary }: Change): ChangeReport => ({
  phase: 'apply',
  id,
  title: scrub(summary),
  milliseconds: 0,
  failed: false,
  skipped: 'not begun',
});

/** With the error by which it failed, where that is the one that ended the host's part of the run, or its cause. */
const withError = (change: ChangeReport, error: Fail | undefined): ChangeReport => {
  if (!change.failed) return change;
  const told = [error, error?.cause].find((each) => each instanceof Fail && each.code === change.code);
  return told instanceof Fail ? { ...change, error: told } : change;
};

/**
 * Keeps what the events tell of each host. A check that was repeated, after a way back for instance, stays red when it
 * was red once.
 */
const gatherReports = (names: readonly string[]) => {
  const checks = new Map(names.map((name) => [name, new Map<string, Check>()]));
  const changes = new Map(names.map((name) => [name, new Map<string, ChangeReport>()]));
  const titles = new Map<string, string>();
  const begun = new Set<string>();
  const takenBack = new Set<string>();
  const errors = new Map<string, Fail>();
  let planned: Plan | undefined;
  let isApplying = false;
  const changed = (event: Extract<Event, { kind: 'step-ended' }>): void => {
    const { host, phase, id, milliseconds, failed, detail, code } = event;
    const title = titles.get(`${host}\0${id}`) ?? id;
    const change = {
      phase,
      id,
      title,
      milliseconds,
      failed,
      ...(detail === undefined ? {} : { detail }),
      ...(code === undefined ? {} : { code }),
    };
    changes.get(host)?.set(`${phase}\0${id}`, change);
  };
  const changesOf = (name: string, error: Fail | undefined): ChangeReport[] => {
    const seen = changes.get(name) ?? new Map<string, ChangeReport>();
    const made = [...seen.values()].map((change) =>
      change.phase === 'apply' && !change.failed && takenBack.has(name)
        ? { ...change, skipped: 'made, and taken back' }
        : withError(change, error),
    );
    if (!isApplying) return made;
    const wanted = planned?.hosts.find(({ host }) => host === name)?.changes ?? [];
    return [...made, ...wanted.filter(({ id }) => !seen.has(`apply\0${id}`)).map(notBegunChange)];
  };
  return {
    /** What is to be made, until another plan takes its place. */
    plan: (plan: Plan): void => {
      planned = plan;
    },
    take: (event: Event): void => {
      if (event.kind === 'checked') {
        const seen = checks.get(event.host);
        const before = seen?.get(event.check.id);
        if (before === undefined || !isRed(before)) seen?.set(event.check.id, event.check);
      }
      if (event.kind === 'phase-started') begun.add(event.host);
      if (event.kind === 'phase-started' && event.phase === 'apply') isApplying = true;
      if (event.kind === 'phase-ended' && event.phase === 'rollback' && !event.failed)
        takenBack.add(event.host);
      if (event.kind === 'step-started') titles.set(`${event.host}\0${event.id}`, event.title);
      if (event.kind === 'step-ended' && changing.has(event.phase)) changed(event);
      if (event.kind === 'failed' && event.host !== undefined) errors.set(event.host, event.error);
    },
    /** `ended`: what ended the whole run, told by each host that has no error of its own. */
    reports: (ended: Fail | undefined): HostReport[] =>
      [...checks].map(([host, seen]) => {
        const error = errors.get(host) ?? ended;
        const made = changesOf(host, error);
        const isTold = made.some((change) => change.error === error);
        const notBegun = error === undefined && !begun.has(host);
        return {
          host,
          changes: made,
          checks: [...seen.values()],
          ...(error === undefined || isTold ? {} : { error }),
          ...(notBegun ? { notBegun: true } : {}),
        };
      }),
  };
};

/**
 * `work`, and what it found out about each host in `file` as JUnit XML: also when it fails or is interrupted.
 * @throws Fail `BadUsage` when the file cannot be written, `DiskFull` when there is no room for it
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
    const watched: Face = {
      ...face,
      plan: (plan, options) => {
        gathered.plan(plan);
        face.plan(plan, options);
      },
    };
    let ended: Fail | undefined;
    let exitCode: number = exitCodes.done;
    try {
      exitCode = await work({ ...context, emit }, watched);
      return exitCode;
    } catch (error) {
      ended = scrubbedFailure(asFail(context.signal.aborted ? context.signal.reason : error));
      throw error;
    } finally {
      const report = junitText(gathered.reports(ended), { name, startedAt });
      await writeWhole(file, report, 0o644).catch((error: unknown) => {
        if (ended === undefined && exitCode === exitCodes.done) throw error;
        face.failure(asFail(error));
      });
    }
  };
};
