import type { Event, Verification } from '../core/events.ts';
import type { Explanation } from '../core/explanation.ts';
import type { Fail } from '../core/fail.ts';
import type { ListedHost } from '../flows/hosts.ts';
import type { Generation } from '../host/facts/generations.ts';
import type { Finding } from '../node/doctor/cause.ts';
import type { Plan } from '../resources/change.ts';
import type { Drift } from '../resources/drift.ts';
import type { RunStats } from './stats-text.ts';

/** What was taken over from hosts into the profile. */
export interface Adoption {
  /** Files of the profile, and what changed in them. */
  readonly edits: readonly { readonly file: string; readonly diff: string }[];
  /** What was not, and why. */
  readonly refused: readonly { readonly host: string; readonly why: string }[];
  /** What other hosts follow too, and was not taken from them. */
  readonly shared: readonly { readonly host: string; readonly path: string }[];
  /** What differs all the same. */
  readonly left: readonly { readonly host: string; readonly summary: string }[];
}

/** How a command shows what happens and what came of it. Faces print and decide nothing. */
export interface Face {
  emit(event: Event): void;
  /** Keeps the terminal free while `task` asks something on it: what happens meanwhile is shown afterwards. */
  suspend<Result>(task: () => Promise<Result>): Promise<Result>;
  plan(plan: Plan, options: { readonly diffs: boolean }): void;
  /** What each host remembers of earlier applies and rollbacks. */
  generations(generations: ReadonlyMap<string, readonly Generation[]>): void;
  drift(host: string, drifts: readonly Drift[]): void;
  adoption(adoption: Adoption): void;
  checks(verified: ReadonlyMap<string, Verification>): void;
  /** What the doctor found, by host. */
  findings(findings: ReadonlyMap<string, readonly Finding[]>): void;
  /** The hosts of the profile as they are reached; `checked`: they were asked what they are. */
  hosts(hosts: readonly ListedHost[], options: { readonly checked: boolean }): void;
  /** Where a value of the profile comes from and what becomes of it. */
  explanation(explanation: Explanation): void;
  stats(stats: RunStats): void;
  /** The outcome, in a sentence. */
  message(text: string): void;
  /** An error that ended the command; one that an event told before is not told again. */
  failure(error: Fail): void;
  /** To be called before `end`: waits for somebody who reads what it takes away, unless `signal` aborts. */
  untilRead?(signal: AbortSignal): Promise<void>;
  /** The last words; nothing may follow. */
  end(exitCode: number): void;
}
