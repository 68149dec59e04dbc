import { CommandFailed } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import type { Connection } from '../transport/connection.ts';
import { stateFolder } from './state.ts';

/** It writes two small files. */
const deadlineMs = 60_000;

export interface Verdict {
  /** Identifiers of the checks that are red; none: the generation is green. */
  readonly red: readonly string[];
  readonly evidence: string;
}

/**
 * Notes on the host what the verification of a generation came to. The evidence of a red one stays beside its journal, also
 * when the generation is undone.
 */
export async function markVerified(
  connection: Connection,
  generation: number,
  { red, evidence }: Verdict,
  signal: AbortSignal,
): Promise<void> {
  const folder = `${stateFolder}/generations/${String(generation).padStart(6, '0')}`;
  const script = `cd ${quote(folder)} && umask 077 && cat > evidence && { [ -s evidence ] || rm evidence; }
${red.length === 0 ? '' : `printf 'red\\t%s\\t%s\\n' ${quote(red.join('+'))} "$(date +%s)" >> outcome\n`}printf 'verified\\t%s\\t%s\\n' ${red.length === 0 ? 'green' : 'red'} "$(date +%s)" >> outcome`;
  const deadline = AbortSignal.timeout(deadlineMs);
  const result = await connection.sh(script, {
    signal: AbortSignal.any([signal, deadline]),
    input: evidence,
  });
  if (result.exitCode === 0) return;
  throw new CommandFailed(
    `${connection.host}: the verdict on generation ${generation} cannot be noted on the host`,
    { argv: ['sh', '-c', script], ...result },
    { hint: 'See whether the disk is full or read-only.' },
  );
}
