import { Fail } from '../core/fail.ts';
import { normalSpace, sysctlPath } from '../host/facts/kernel.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change } from './change.ts';
import type { SysctlResource } from './resource.ts';

/** The value in the running kernel; that it survives a reboot is the matter of a file in sysctl.d. */
export function planSysctl(desired: SysctlResource, facts: Facts): { changes: Change[]; notes: string[] } {
  const { key, value } = desired;
  const now = facts.kernel.sysctls.get(key);
  const wanted = normalSpace(value);
  const isEnough = desired.atLeast && Number(now?.value) >= Number(wanted);
  if (now?.value === wanted || isEnough) return { changes: [], notes: [] };
  const comes =
    desired.broughtBy !== undefined && facts.kernel.modules.get(desired.broughtBy) === 'available';
  if (now?.value === undefined && !comes) return refuse(desired, `the kernel has no ${key}`);
  if (now?.value !== undefined && !now.writable) {
    return refuse(desired, `${key} is ${now.value} and cannot be set to ${wanted} from inside this host`);
  }
  const from = now?.value === undefined ? '' : ` (was ${now.value})`;
  const change: Change = {
    id: `sysctl:${key}`,
    action: 'set',
    summary: `set ${key} to ${wanted}${from}`,
    ...(now?.value === undefined ? {} : { origins: [{ kind: 'sysctl', key, value: now.value }] }),
    ...(canCutConnections(key) ? { guarded: true } : {}),
    // sysctl(8) is part of procps, which small systems lack.
    steps: [
      {
        kind: 'run',
        argv: ['sh', '-c', 'printf "%s\\n" "$1" > "$2"', 'sh', wanted, sysctlPath(key)],
        deadlineSeconds: 10,
      },
    ],
  };
  return { changes: [change], notes: [] };
}

export const canCutConnections = (key: string): boolean => /^net[./]/.test(key);

function refuse({ required, atLeast }: SysctlResource, what: string): { changes: Change[]; notes: string[] } {
  // A limit that is too low is the doctor's to tell: nothing is broken yet.
  if (atLeast) return { changes: [], notes: [] };
  if (!required) return { changes: [], notes: [`${what}: left as it is`] };
  throw new Fail('Unsupported', `${what}, and pods do not work without it`, {
    hint: 'Set it on the machine around this host, or give the host a network namespace that it may configure.',
  });
}
