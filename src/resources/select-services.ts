import { Fail } from '../core/fail.ts';
import type { Change } from './change.ts';

export const isSelected = (tag: string | undefined, tags: readonly string[] | undefined): boolean =>
  tags === undefined || tag === undefined || tags.includes(tag);

/**
 * The services' part of a plan for some tags alone. A service is restarted for the selected changes whatever its own tag:
 * a file that nobody reads again is half a change. What would start without something that is pending under another
 * tag is refused, and what runs on with a difference under another tag says so.
 * @throws Fail `BadUsage` naming the tags that a start needs
 */
export function selectServices(
  services: readonly Change[],
  { things, tags }: { readonly things: readonly Change[]; readonly tags: readonly string[] | undefined },
): { readonly changes: Change[]; readonly notes: string[] } {
  if (tags === undefined) return { changes: [...services], notes: [] };
  const selected = things.filter(({ tag }) => isSelected(tag, tags));
  const pending = things.filter(({ tag }) => !isSelected(tag, tags));
  const disturbed = new Set(selected.flatMap((change) => change.makesStale ?? []));
  const changes = services.filter(
    ({ action, tag, refreshes }) =>
      isSelected(tag, tags) || (action === 'restart' && refreshes?.some((unit) => disturbed.has(unit))),
  );
  const notes = changes.flatMap((change) => {
    const unit = change.refreshes?.[0];
    if (unit === undefined) return [];
    requireNothingMissing(change, unit, pending);
    return differences(change, unit, pending);
  });
  return { changes: changes.length === 1 && isLonelyReload(changes, selected) ? [] : changes, notes };
}

/** Units that changed under another tag do not concern a plan that touches none. */
const isLonelyReload = ([change]: readonly Change[], selected: readonly Change[]): boolean =>
  change?.id === 'units:reload' &&
  !selected.some(({ steps }) =>
    steps.some((step) => step.kind !== 'run' && step.path.startsWith('/etc/systemd/system/')),
  );

function requireNothingMissing(change: Change, unit: string, pending: readonly Change[]): void {
  if (change.action !== 'start') return;
  const missing = pending.filter(
    ({ action, makesStale }) =>
      action === 'install' ||
      action === 'load' ||
      action === 'upload' ||
      (action === 'create' && makesStale?.includes(unit)),
  );
  if (missing.length === 0) return;
  const needed = [...new Set(missing.flatMap(({ tag }) => tag ?? []))];
  const what = missing.map(({ summary }) => summary).join('; ');
  throw new Fail('BadUsage', `${unit} would start without what other tags bring: ${what}`, {
    hint: `Add ${needed.join(',')} to --tags, or apply these first.`,
    context: { unit, needed },
  });
}

function differences({ summary }: Change, unit: string, pending: readonly Change[]): string[] {
  const others = pending.filter(({ makesStale }) => makesStale?.includes(unit));
  if (others.length === 0) return [];
  const list = others.map((change) => `${change.summary} (${change.tag})`).join('; ');
  return [`${summary}: it also reads what stays different under other tags: ${list}`];
}
