import * as applies from './applies.ts';
import type { Cause } from './cause.ts';
import * as clock from './clock.ts';
import * as confinement from './confinement.ts';
import * as disks from './disks.ts';
import * as kernel from './kernel.ts';
import * as network from './network.ts';
import * as packages from './packages.ts';
import { foreignCni, foreignRuntime, sharedCgroup } from './runtimes.ts';
import * as units from './units.ts';

/** All known causes, in the order of their codes. A code is never given twice, also not after its cause is gone. */
export const causes: readonly Cause[] = [
  foreignCni,
  foreignRuntime,
  kernel.swapOn,
  confinement.denials,
  packages.packageLock,
  packages.packagesBroken,
  packages.ownedFile,
  clock.clockSkew,
  clock.clockAlone,
  kernel.cgroupVersion,
  kernel.controllerMissing,
  kernel.moduleMissing,
  kernel.moduleNotAtBoot,
  kernel.sysctlOverridden,
  kernel.oldKernel,
  network.forwardRefused,
  network.subnetClash,
  disks.diskLow,
  disks.inodesLow,
  disks.mountOptions,
  kernel.inotifyLow,
  network.loopbackResolver,
  network.unresolvableHostname,
  network.ipv6Disabled,
  units.failedUnits,
  units.oldProgram,
  kernel.noUserNamespaces,
  network.conntrackFull,
  applies.berthLocked,
  applies.interruptedApply,
  network.masqueradeMissing,
  confinement.noParser,
  sharedCgroup,
  packages.filesAltered,
];
