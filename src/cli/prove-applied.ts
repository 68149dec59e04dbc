import { isRed } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import { counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { AppliedTo } from '../flows/apply.ts';
import type { FlowContext } from '../flows/context.ts';
import { type Proof, proveHosts, type WentBack } from '../flows/prove.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';

/** Proves what an apply made, shows what came of it, and what became of hosts that are red; the answer is the exit code. */
export const proveApplied = async (
  context: FlowContext,
  face: Face,
  { made, seen }: Pick<AppliedTo, 'made' | 'seen'>,
): Promise<number> => {
  const proof = await proveHosts(context, made, seen);
  face.checks(proof.verified);
  const failed = exitCodeOfFailures(proof.failures, context.hosts.length, face);
  const red = [...proof.verified].filter(([, { checks }]) => checks.some(isRed)).map(([host]) => host);
  for (const [host, back] of proof.wentBack) showWayBack(host, back, face);
  for (const [host, checks] of proof.stayed)
    face.message(
      `${host}: it was red before this change, and is in nothing else now (${checks.join(', ')}): the change stays. ` +
        'To take it back: berth rollback.',
    );
  const stayed = red.filter((host) => !proof.wentBack.has(host));
  const errors = [
    ...(stayed.length === 0 ? [] : [notPassed(stayed)]),
    ...(proof.wentBack.size === 0 ? [] : [wentBack(proof)]),
  ];
  for (const error of errors) face.failure(error);
  const [first] = errors;
  return failed || (first === undefined ? exitCodes.done : exitCodeOf(first));
};

export const notPassed = (hosts: readonly string[]): Fail =>
  new Fail(
    'VerifyFailed',
    `${counted(hosts.length, 'host')} did not pass the verification: ${hosts.join(', ')}`,
    {
      hint: 'the red checks above show what was seen, and the likely remedy',
      context: { hosts },
    },
  );

const showWayBack = (host: string, { to, verified, error }: WentBack, face: Face): void => {
  if (verified !== undefined) face.checks(new Map([[host, verified]]));
  if (error !== undefined) return;
  const place = to === 0 ? 'as it was before berth' : `as it was after generation ${to}`;
  const proven =
    verified === undefined
      ? ''
      : verified.checks.some(isRed)
        ? ', and is red there too'
        : ', and crictl has proven it there';
  face.message(`${host}: the change was taken back; the host is ${place}${proven}.`);
};

const wentBack = ({ wentBack: hosts }: Proof): Fail => {
  const names = [...hosts.keys()];
  const stuck = [...hosts].filter(([, { error }]) => error !== undefined).map(([host]) => host);
  return new Fail(
    'RolledBack',
    `${counted(names.length, 'host')} did not pass the verification after the change, and went back: ${names.join(', ')}` +
      (stuck.length === 0 ? '' : `; the way back failed on ${stuck.join(', ')}`),
    {
      hint:
        'the red checks above show what was seen; they stay on the host beside the journal of the generation. ' +
        '--no-rollback leaves the host as it is, for study',
      context: { hosts: names, stuck },
    },
  );
};
