import type { Facts } from '../host/facts/probe.ts';
import type { Change } from './change.ts';
import type { ContextResource } from './resource.ts';

/**
 * The SELinux type that a path has now. That it survives a relabel is the matter of an fcontext entry; restorecon then
 * gives what the entries say, chcon is for hosts without the tools of the policy.
 */
export function planContext({ path, type, rewritten = false }: ContextResource, { health }: Facts): Change[] {
  const { selinux } = health;
  if (selinux === undefined || (!rewritten && selinux.types.get(path) === type)) return [];
  const argv = selinux.semanage ? ['restorecon', '-RF', path] : ['chcon', '-R', '-t', type, path];
  return [
    {
      id: `context:${path}`,
      action: 'update',
      summary: `label ${path} as ${type}`,
      steps: [{ kind: 'run', argv, deadlineSeconds: 120 }],
    },
  ];
}
