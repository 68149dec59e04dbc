import { type FileFact, fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, Step } from './change.ts';
import { digestOf } from './file.ts';

/**
 * How something came to differ from the profile. `host`: somebody changed the host since the last apply. `profile`: the
 * profile (or berth itself) changed since. `conflict`: both did. `foreign`: a file of others has the last word.
 */
export type DriftKind = 'host' | 'profile' | 'conflict' | 'foreign';

export interface Drift {
  /** That of the change that would put it right; `foreign:PATH KEY` for what no change does. */
  readonly id: string;
  readonly kind: DriftKind;
  /** What the next apply would do about it, or what the foreign file says. */
  readonly summary: string;
  readonly reason?: string;
  readonly tag?: string;
  /** From what is on the host to what the profile says. */
  readonly diff?: string;
  /** From what is on the host to what was applied last, where both differ from the profile. */
  readonly lastDiff?: string;
}

/**
 * The three ways, from three plans of the same facts: `desired` leads to what the profile says now, `last` to what it said
 * when the host was changed last (undefined: nothing was applied, or nobody remembers what). What berth wrote itself it
 * knows by digest, which counts more.
 */
export function driftsOf(
  desired: readonly Change[],
  last: readonly Change[] | undefined,
  facts: Facts,
): Drift[] {
  const lastById = new Map((last ?? []).map((change) => [change.id, change]));
  return desired
    .filter((change) => !isConsequence(change, desired))
    .map((change) => {
      const earlier = lastById.get(change.id);
      const kind = kindOfFile(change, facts) ?? kindOf(change, earlier, last !== undefined);
      const { id, summary, reason, tag, diff } = change;
      return {
        id,
        kind,
        summary,
        ...(reason === undefined ? {} : { reason }),
        ...(tag === undefined ? {} : { tag }),
        ...(diff === undefined ? {} : { diff }),
        ...(kind === 'conflict' && earlier?.diff !== undefined ? { lastDiff: earlier.diff } : {}),
      };
    });
}

/** Restarts and reloads that only other changes make necessary are no difference of their own. */
function isConsequence(change: Change, all: readonly Change[]): boolean {
  if (change.id === 'units:reload' || change.id.startsWith('reload:')) return all.length > 1;
  if (change.action === 'enable') return change.reason === 'the unit file changed';
  if (change.action !== 'restart') return false;
  return all.some(
    ({ makesStale, action }) =>
      action === 'upload' || change.refreshes?.some((unit) => makesStale?.includes(unit)),
  );
}

function kindOf(change: Change, earlier: Change | undefined, remembered: boolean): DriftKind {
  // What runs is the host's own matter: no profile says when.
  if (change.action === 'restart') return 'host';
  if (!remembered || earlier === undefined) return 'profile';
  return sameSteps(change.steps, earlier.steps) ? 'host' : 'conflict';
}

const sameSteps = (one: readonly Step[], other: readonly Step[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** Undefined: no file, or none that berth ever wrote. */
function kindOfFile({ steps }: Change, { files, install }: Facts): DriftKind | undefined {
  const [step] = steps;
  if (step === undefined || steps.length > 1 || !('path' in step)) return undefined;
  const last = install.applied.get(step.path);
  if (last === undefined) return undefined;
  const now = fileAt(files, step.path);
  const desired = desiredDigest(step);
  if (desired === last) return 'host';
  return isStill(now, last) ? 'profile' : 'conflict';
}

const isStill = (now: FileFact, last: string): boolean => now.kind === 'file' && now.sha256 === last;

function desiredDigest(step: Step): string | undefined {
  if (step.kind === 'write') return digestOf(step.content);
  return step.kind === 'copy' ? step.sha256 : undefined;
}
