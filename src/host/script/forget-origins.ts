import { CommandFailed } from '../../core/fail.ts';
import { quote, quoteAll } from '../quote.ts';
import type { Connection } from '../transport/connection.ts';
import { stateFolder } from './state.ts';

/** It reads one small file and writes another. */
const deadlineMs = 60_000;

/** What could not be brought back, and is berth's still, by kind and name. */
export type LeftBehind = readonly { readonly kind: 'package' | 'module'; readonly name: string }[];

/**
 * A host that is as it was before berth has nothing any more that a reset would have to bring back: how things are now is how
 * they were before whatever berth does next. The generations stay, and with them the way back to each.
 */
export async function forgetOrigins(
  connection: Connection,
  left: LeftBehind,
  signal: AbortSignal,
): Promise<void> {
  const script = `cd ${quote(stateFolder)} && [ -e origin ] || exit 0
exec 9<> lock
flock -w 30 9 || { echo 'somebody else is at work' >&2; exit 1; }
tab=$(printf '\\t')
set -- ${quoteAll(left.map(({ kind, name }) => `${kind}\t${name}`))}
while IFS= read -r known; do
  for each do
    case "$known$tab" in "$each$tab"*) printf '%s\\n' "$known" ;; esac
  done
done < origin > origin.new && mv -f origin.new origin && rm -f applied`;
  const deadline = AbortSignal.timeout(deadlineMs);
  const result = await connection.sh(script, { signal: AbortSignal.any([signal, deadline]) });
  if (result.exitCode === 0) return;
  throw new CommandFailed(
    `${connection.host}: what berth remembers of the time before it cannot be put away`,
    { argv: ['sh', '-c', script], ...result },
    { hint: 'See whether the disk is full or read-only, then run the same rollback again.' },
  );
}
