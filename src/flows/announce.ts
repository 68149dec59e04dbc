import type { Emit } from '../core/events.ts';
import type { Change, HostPlan } from '../resources/change.ts';

/** Says what goes when a change begins that takes something away: also where nobody was asked and no plan was read. */
export function announcing(emit: Emit, { host, changes }: HostPlan): Emit {
  const goes = new Map(changes.map((change) => [change.id, whatGoes(change)]));
  return (event) => {
    const what = event.kind === 'step-started' ? goes.get(event.id) : undefined;
    if (what !== undefined) emit({ kind: 'note', level: 'warn', host, message: what });
    emit(event);
  };
}

function whatGoes({ action, summary, reason, steps }: Change): string | undefined {
  const paths = steps.flatMap((step) =>
    step.kind === 'delete' ? [step.recursive ? `${step.path} with all that is in it` : step.path] : [],
  );
  if (paths.length > 0) return `about to delete ${paths.join(', ')}`;
  if (action !== 'delete' && action !== 'remove') return undefined;
  return `about to ${summary}${reason === undefined ? '' : ` (${reason})`}`;
}
