import type { Event, Phase, Verification } from '../core/events.ts';
import type { Fail } from '../core/fail.ts';
import type { Plan } from '../resources/change.ts';
import { adoptionText, driftText } from './drift-text.ts';
import { explanationText } from './explanation-text.ts';
import type { Face } from './face.ts';
import { findingsText } from './findings-text.ts';
import { generationsText } from './generations-text.ts';
import { hostsText } from './hosts-text.ts';
import { statsText } from './stats-text.ts';
import type { Style } from './style.ts';

/** What came of a run, for who looks at it afterwards. */
export interface Summary {
  readonly exitCode: number;
  readonly plan: Plan | undefined;
  /** How many changes were made, by host; empty where none was begun on any. */
  readonly made: ReadonlyMap<string, number>;
  /** Hosts that went back from what the run had changed, or were to; false: the way back failed. */
  readonly wentBack: ReadonlyMap<string, boolean>;
  /** By host. */
  readonly checks: ReadonlyMap<string, Verification>;
  /** By host that went back: as it was found then. */
  readonly checksBack: ReadonlyMap<string, Verification>;
  /** In the order in which they were told, each once. */
  readonly failures: readonly { readonly host: string | undefined; readonly error: Fail }[];
  readonly warnings: readonly { readonly host: string | undefined; readonly message: string }[];
  /** Results of other kinds, as lines. */
  readonly reports: readonly { readonly title: string; readonly text: string }[];
  readonly messages: readonly string[];
}

const uncoloured: Style = (_format, text) => text;
const look = { width: 100, style: uncoloured };

const changing: ReadonlySet<Phase> = new Set(['apply', 'rollback', 'reset']);

/** Counts the changes that were made on each host: those of the plan, not those of a way back from it, which is noted. */
const countMade = () => {
  const phases = new Map<string, Phase>();
  const made = new Map<string, number>();
  const wentBack = new Map<string, boolean>();
  const take = (event: Event): void => {
    if (event.kind === 'phase-started' && changing.has(event.phase) && !phases.has(event.host)) {
      phases.set(event.host, event.phase);
      made.set(event.host, 0);
    }
    if (event.kind === 'step-ended' && !event.failed && phases.get(event.host) === event.phase)
      made.set(event.host, (made.get(event.host) ?? 0) + 1);
    if (event.kind === 'phase-ended' && event.phase === 'rollback' && phases.get(event.host) === 'apply')
      wentBack.set(event.host, !event.failed);
  };
  return { made, wentBack, take };
};

/** A face that prints nothing and hands what it was told to `onEnd`. */
export const summaryFace = (onEnd: (summary: Summary) => void): Face => {
  let plan: Plan | undefined;
  const changes = countMade();
  const checks = new Map<string, Verification>();
  const checksBack = new Map<string, Verification>();
  const failures = new Map<Fail, string | undefined>();
  const warnings: Summary['warnings'][number][] = [];
  const reports: Summary['reports'][number][] = [];
  const messages: string[] = [];
  const report = (title: string, text: string): void => {
    reports.push({ title, text });
  };
  const failed = (error: Fail, host?: string): void => {
    if (!failures.has(error)) failures.set(error, host);
  };
  return {
    emit(event) {
      changes.take(event);
      // That a host was interrupted is told by the end of the command.
      if (event.kind === 'failed' && event.error.code !== 'Cancelled') failed(event.error, event.host);
      if (event.kind === 'note' && event.level === 'warn')
        warnings.push({ host: event.host, message: event.message });
    },
    suspend: (task) => task(),
    plan: (made) => {
      plan = made;
    },
    generations: (all) => report('Generations', generationsText(all, { style: uncoloured })),
    drift: (host, drifts) => report(`Drift of ${host}`, driftText(host, drifts, look)),
    adoption: (adoption) => report('Adopted', adoptionText(adoption, look)),
    checks: (all) => {
      for (const [host, verified] of all) (verified.wentBack ? checksBack : checks).set(host, verified);
    },
    findings: (all) => report('Findings', findingsText(all, uncoloured)),
    hosts: (hosts, { checked }) => report('Hosts', hostsText(hosts, { checked, style: uncoloured })),
    explanation: (explanation) => report(explanation.path, explanationText(explanation, uncoloured)),
    stats: (stats) => report('Cost', statsText(stats)),
    message: (text) => messages.push(text),
    failure: (error) => failed(error),
    end: (exitCode) =>
      onEnd({
        exitCode,
        plan,
        made: changes.made,
        wentBack: changes.wentBack,
        checks,
        checksBack,
        failures: [...failures].map(([error, host]) => ({ host, error })),
        warnings,
        reports,
        messages,
      }),
  };
};
