import type { Event } from '../core/events.ts';
import type { Fail } from '../core/fail.ts';
import { checksText } from './checks-text.ts';
import { adoptionText, driftText } from './drift-text.ts';
import { explanationText } from './explanation-text.ts';
import type { Face } from './face.ts';
import { failureText } from './failure-text.ts';
import { findingsText } from './findings-text.ts';
import { generationsText } from './generations-text.ts';
import { hostsText } from './hosts-text.ts';
import { planText } from './plan-text.ts';
import type { Progress } from './progress.ts';
import { statsText } from './stats-text.ts';
import { styleFor } from './style.ts';

export interface TextFaceOptions {
  readonly progress: Progress;
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly verbose: boolean;
}

/** A terminal that does not know its size, as a serial line, says 0. */
const columnsOf = (out: NodeJS.WriteStream): number => out.columns || 80;

/** Lines in a pipe stay whole: whoever reads them searches in them. */
const narrow = (out: NodeJS.WriteStream): { readonly width?: number } =>
  out.isTTY ? { width: columnsOf(out) } : {};

/** A face for people: `progress` while the flow runs, then the results as text. Failures go to `err`. */
export const textFace = ({ progress, out, err, verbose }: TextFaceOptions): Face => {
  const style = styleFor(out);
  const width = Math.min(columnsOf(out), 120);
  const print = (text: string, options = { keep: false }): void => {
    progress.pause(options);
    out.write(text.endsWith('\n') ? text : `${text}\n`);
  };
  const told = new WeakSet<Fail>();
  const failure = (error: Fail): void => {
    if (told.has(error)) return;
    told.add(error);
    progress.pause({ keep: true });
    err.write(failureText(error, { style: styleFor(err), verbose }));
  };
  const show = (event: Event): void => {
    progress.emit(event);
    // That a host was interrupted is no news: the command's own end tells it, once.
    if (event.kind === 'failed' && event.error.code !== 'Cancelled') failure(event.error);
  };
  let questions = 0;
  const held: Event[] = [];
  return {
    emit(event) {
      if (questions > 0) held.push(event);
      else show(event);
    },
    async suspend(task) {
      progress.pause({ keep: false });
      questions += 1;
      try {
        return await task();
      } finally {
        questions -= 1;
        // Other hosts went on meanwhile.
        if (questions === 0) held.splice(0).forEach(show);
      }
    },
    plan: (plan, { diffs }) => print(`\n${planText(plan, { diffs, style, ...narrow(out) })}`),
    generations: (all) => print(`\n${generationsText(all, style)}`, { keep: true }),
    drift: (host, drifts) => print(`\n${driftText(host, drifts, { width, style })}`, { keep: true }),
    adoption: (adoption) => print(`\n${adoptionText(adoption, { width, style })}`, { keep: true }),
    checks: (checks) => {
      for (const [host, list] of checks)
        print(`\n${checksText(host, list, { width, style })}`, { keep: true });
    },
    findings: (findings) => print(`\n${findingsText(findings, style)}`, { keep: true }),
    hosts: (hosts, { checked }) => print(hostsText(hosts, { checked, style }), { keep: true }),
    explanation: (explanation) => print(explanationText(explanation, style), { keep: true }),
    stats: (stats) => print(`\n${statsText(stats)}`, { keep: true }),
    message: (text) => print(text, { keep: true }),
    failure,
    end: () => progress.pause({ keep: true }),
  };
};
