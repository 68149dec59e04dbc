import { posix } from 'node:path';
import { Fail } from '../core/fail.ts';
import { timeSpan } from '../core/text.ts';
import { mountOf } from '../host/facts/health.ts';
import type { Facts } from '../host/facts/probe.ts';
import { stateFolder } from '../host/script/state.ts';
import type { Change } from '../resources/change.ts';

/** A clock off by more is no drift: package lists and certificates, which last for days, are refused at its time. */
const clockLimitSeconds = 24 * 3600;

/** Where every package may have files, on hosts where packages are files of their own. */
const foldersOfPackages = ['/etc', '/usr', '/var'];

/**
 * What would make the first changes fail, or the last ones with half a node made: said before any of them.
 * @throws Fail `Unsupported`
 */
export function requireChangeable(changes: readonly Change[], facts: Facts): void {
  if (changes.length === 0) return;
  requireWritable(changes, facts);
  requireClock(facts);
}

/** On image-based hosts it leads to /var, or is a mount of its own: the host itself says whether it can be written to. */
const local = '/usr/local';

function requireWritable(changes: readonly Change[], { health: { mounts }, system }: Facts): void {
  const { image, readOnly } = system;
  const bringsPackages = image === undefined && changes.some((change) => change.bringsPackages);
  const folders = [
    stateFolder,
    ...(bringsPackages ? foldersOfPackages : []),
    ...changes.flatMap(({ steps }) =>
      steps.flatMap((step) => (step.kind === 'run' ? [] : [posix.dirname(step.path)])),
    ),
  ];
  for (const folder of folders) {
    if (`${folder}/`.startsWith(`${local}/`) && !readOnly.has(local)) continue;
    const point = mountOf(mounts, folder);
    if (point === undefined || !mounts.get(point)?.options.has('ro')) continue;
    throw new Fail('Unsupported', `${folder} cannot be written to: ${point} is mounted read-only`, {
      hint: `Find out why (an error of its disk: dmesg; or /etc/fstab), then on the host: mount -o remount,rw ${point}`,
      context: { folder, mountPoint: point },
    });
  }
}

function requireClock({ health: { clockSkewSeconds: skew } }: Facts): void {
  if (skew === undefined || Math.abs(skew) < clockLimitSeconds) return;
  throw new Fail(
    'Unsupported',
    `the clock of the host is ${timeSpan(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} that of this machine: ` +
      'package lists and certificates are not valid at both times',
    {
      hint: 'Set the wrong one of the two, on the host with timedatectl set-ntp true or date --set.',
      context: { clockSkewSeconds: skew },
    },
  );
}
