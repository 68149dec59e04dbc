import { counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { HostFailure } from '../flows/on-hosts.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';

/**
 * The exit code of a command that went on past hosts that failed: that of the first of them, in the order of the
 * profile. Each failure was told when it happened; where there were several hosts, the end says which ones.
 */
export const exitCodeOfFailures = (
  failures: readonly HostFailure[],
  hosts: number,
  face: Face,
  notBegun: readonly string[] = [],
): number => {
  const [first] = failures;
  if (first === undefined) return exitCodes.done;
  const names = failures.map(({ host }) => host).join(', ');
  if (hosts > 1) face.message(`Failed on ${failures.length} of ${counted(hosts, 'host')}: ${names}.`);
  if (notBegun.length > 0)
    face.message(`Not begun after ${counted(failures.length, 'failure')}: ${notBegun.join(', ')}.`);
  return exitCodeOf(first.error);
};
