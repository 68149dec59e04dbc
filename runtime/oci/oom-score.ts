import { Fail } from '../core/fail.ts';
import type { HostFacts } from './input.ts';

/**
 * The container's oom_score_adj. It is always set, since an unset one would be the runtime's own, which the kernel
 * spares. Without CAP_SYS_RESOURCE none lower than our own can be had: then it is ours, with a note.
 */
export const oomScore = (
  asked: bigint,
  { oomScoreAdj, capabilities }: Pick<HostFacts, 'oomScoreAdj' | 'capabilities'>,
): { readonly score: number; readonly notes: readonly string[] } => {
  if (asked < -1000n || asked > 1000n) {
    throw new Fail('InvalidArgument', `linux.resources.oom_score_adj ${asked} is not between -1000 and 1000`);
  }
  const score = Number(asked);
  if (score >= oomScoreAdj || capabilities.has('CAP_SYS_RESOURCE')) return { score, notes: [] };
  return {
    score: oomScoreAdj,
    notes: [
      `oom_score_adj: ${score} needs CAP_SYS_RESOURCE, which this host does not give; it is ${oomScoreAdj}`,
    ],
  };
};
