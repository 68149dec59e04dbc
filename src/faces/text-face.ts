import { type Check, type Event, isRed } from '../core/events.ts';
import type { Fail } from '../core/fail.ts';
import { checksSummary, checksText, whose } from './checks-text.ts';
import {
  annotationOfNote,
  annotationsOfChecks,
  annotationsOfFailure,
  annotationsOfFindings,
} from './ci/annotations.ts';
import type { Annotation, Dialect } from './ci/dialect.ts';
import { plain } from './ci/plain.ts';
import { adoptionText, driftText } from './drift-text.ts';
import { explanationText } from './explanation-text.ts';
import type { Face } from './face.ts';
import { failureText } from './failure-text.ts';
import { findingsText } from './findings-text.ts';
import { generationsText } from './generations-text.ts';
import { hostsText } from './hosts-text.ts';
import { planSummary, planText } from './plan-text.ts';
import type { Progress } from './progress.ts';
import { statsText } from './stats-text.ts';
import { styleFor } from './style.ts';

export interface TextFaceOptions {
  readonly progress: Progress;
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly verbose: boolean;
  /** How the reader of the log wants it. */
  readonly dialect?: Dialect;
}

/** A terminal that does not know its size, as a serial line, says 0. */
const columnsOf = (out: NodeJS.WriteStream): number => out.columns || 80;

/** Lines in a pipe stay whole: whoever reads them searches in them. */
const narrow = (out: NodeJS.WriteStream): { readonly width?: number } =>
  out.isTTY ? { width: columnsOf(out) } : {};

/** More tables than these are a wall in which nobody finds the red one. */
const tablesAtOnce = 3;

/** And nothing to say beside: no warning, and all was run. */
const isAllGreen = (checks: readonly Check[]): boolean =>
  checks.every(({ ok, remedy }) => ok && remedy === undefined);

/** A face for people: `progress` while the flow runs, then the results as text. Failures go to `err`. */
export const textFace = ({ progress, out, err, verbose, dialect = plain }: TextFaceOptions): Face => {
  const style = styleFor(out);
  const width = Math.min(columnsOf(out), 120);
  const told = new WeakSet<Fail>();
  /** A live view shows them itself, and has the terminal until it is paused. */
  const untold: Fail[] = [];
  /** What waits for somebody who reads in the live view; a question does not. */
  const waiting: (() => void)[] = [];
  const catchUp = (): void => {
    for (const task of waiting.splice(0)) task();
  };
  const whenFree = (task: () => void): void => {
    if (progress.isRead?.() === true) {
      waiting.push(task);
      return;
    }
    catchUp();
    task();
  };
  const pause = (options: { readonly keep: boolean }): void => {
    progress.pause(options);
    for (const error of untold.splice(0)) tell(error);
  };
  const tell = (error: Fail): void => {
    err.write(dialect.quoted(failureText(error, { style: styleFor(err), verbose, ...narrow(err) })));
    annotate(annotationsOfFailure(error), err);
  };
  const print = (text: string, options = { keep: false }): void =>
    whenFree(() => {
      pause(options);
      out.write(dialect.quoted(text.endsWith('\n') ? text : `${text}\n`));
    });
  const annotate = (annotations: readonly Annotation[], to = out): void => {
    for (const annotation of annotations) to.write(dialect.annotation(annotation));
  };
  let folds = 0;
  /** What is long and alarms nobody. */
  const printFolded = (title: string, text: string, options = { keep: false }): void =>
    whenFree(() => {
      pause(options);
      folds += 1;
      out.write(dialect.folded(title, text, folds, new Date()));
    });
  const failure = (error: Fail): void => {
    if (told.has(error)) return;
    told.add(error);
    untold.push(error);
    whenFree(() => pause({ keep: true }));
  };
  const show = (event: Event): void => {
    progress.emit(event);
    if (waiting.length > 0) whenFree(() => undefined);
    // That a host was interrupted is no news: the command's own end tells it, once.
    if (event.kind === 'failed' && event.error.code !== 'Cancelled') {
      if (!progress.isLive) failure(event.error);
      else if (!told.has(event.error)) {
        told.add(event.error);
        untold.push(event.error);
      }
    }
    if (event.kind === 'note' && event.level === 'warn')
      annotate([annotationOfNote(event.host, event.message)]);
  };
  let questions = 0;
  const held: Event[] = [];
  return {
    emit(event) {
      if (questions > 0) held.push(event);
      else show(event);
    },
    async suspend(task) {
      catchUp();
      pause({ keep: false });
      questions += 1;
      try {
        return await task();
      } finally {
        questions -= 1;
        // Other hosts went on meanwhile.
        if (questions === 0) held.splice(0).forEach(show);
      }
    },
    plan: (plan, { diffs }) =>
      printFolded(`Plan: ${planSummary(plan)}`, `\n${planText(plan, { diffs, style, ...narrow(out) })}`),
    generations: (all) => print(`\n${generationsText(all, { style, ...narrow(out) })}`, { keep: true }),
    drift: (host, drifts) => print(`\n${driftText(host, drifts, { width, style })}`, { keep: true }),
    adoption: (adoption) => print(`\n${adoptionText(adoption, { width, style })}`, { keep: true }),
    checks: (verified) => {
      for (const [host, verification] of verified) {
        const { checks: list } = verification;
        const name = whose(host, verification);
        const text = `\n${checksText(host, verification, { width, style, folds: out.isTTY })}`;
        if (progress.isLive && verified.size > tablesAtOnce && isAllGreen(list))
          print(`${style('bold', name)}  ${style('green', checksSummary(list))}`, { keep: true });
        else if (list.some(isRed)) print(text, { keep: true });
        else printFolded(`${name}: ${checksSummary(list)}`, text, { keep: true });
        annotate(annotationsOfChecks(name, list));
      }
    },
    findings: (findings) => {
      print(`\n${findingsText(findings, style)}`, { keep: true });
      for (const [host, found] of findings) annotate(annotationsOfFindings(host, found));
    },
    hosts: (hosts, { checked }) => print(hostsText(hosts, { checked, style }), { keep: true }),
    explanation: (explanation) => print(explanationText(explanation, style), { keep: true }),
    stats: (stats) => print(`\n${statsText(stats)}`, { keep: true }),
    message: (text) => print(text, { keep: true }),
    failure,
    async untilRead(signal) {
      await progress.untilRead?.(signal);
    },
    end() {
      catchUp();
      pause({ keep: true });
    },
  };
};
