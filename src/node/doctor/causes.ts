import type { Cause } from './cause.ts';
import * as host from './host.ts';
import * as kernel from './kernel.ts';
import * as network from './network.ts';
import { foreignCni, foreignRuntime } from './runtimes.ts';

/** All known causes, in the order of their codes. A code is never given twice, also not after its cause is gone. */
export const causes: readonly Cause[] = [
  foreignCni,
  foreignRuntime,
  kernel.swapOn,
  host.denials,
  host.packageLock,
  host.packagesBroken,
  host.ownedFile,
  host.clockSkew,
  host.clockAlone,
  kernel.cgroupVersion,
  kernel.controllerMissing,
  kernel.moduleMissing,
  kernel.moduleNotAtBoot,
  kernel.sysctlOverridden,
  kernel.oldKernel,
  network.forwardRefused,
  network.subnetClash,
  host.diskLow,
  host.inodesLow,
  host.mountOptions,
  kernel.inotifyLow,
  network.loopbackResolver,
  network.unresolvableHostname,
  network.ipv6Disabled,
  host.failedUnits,
  host.oldProgram,
  kernel.noUserNamespaces,
  network.conntrackFull,
  host.berthLocked,
  host.interruptedApply,
  network.masqueradeMissing,
  host.noParser,
];
