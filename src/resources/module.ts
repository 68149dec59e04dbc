import { Fail } from '../core/fail.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change } from './change.ts';
import type { ModuleResource } from './resource.ts';

export function planModule({ name }: ModuleResource, facts: Facts): Change[] {
  const state = facts.kernel.modules.get(name);
  if (state === 'active') return [];
  if (state !== 'available') throw missing(name, facts);
  return [
    {
      id: `module:${name}`,
      action: 'load',
      summary: `load kernel module ${name}`,
      origins: [{ kind: 'module', name }],
      steps: [{ kind: 'run', argv: ['modprobe', '--', name], deadlineSeconds: 30 }],
    },
  ];
}

function missing(name: string, { system, packages }: Facts): Fail {
  const extra =
    packages.manager === 'dnf' ? `kernel-modules-${system.kernel}` : `linux-modules-extra-${system.kernel}`;
  return new Fail('Unsupported', `kernel module ${name} is not available in kernel ${system.kernel}`, {
    hint: `Install ${extra} or boot a kernel that has it; in a container, load it on the machine around it.`,
  });
}
