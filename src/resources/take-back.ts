import { type KernelFacts, normalSpace, sysctlPath } from '../host/facts/kernel.ts';
import type { Change } from './change.ts';

/* What takes back things that are neither files nor units: for a removal and for a rollback. */

/** Folders, the inner ones first; one in which somebody put something else stays. */
export const deleteFolders = (folders: readonly string[]): Change[] =>
  folders.length === 0
    ? []
    : [
        {
          id: 'folders',
          action: 'delete',
          summary: `delete the folders that berth made, if empty: ${folders.join(', ')}`,
          mayStay: true,
          steps: folders.map((path) => ({ kind: 'delete', path })),
        },
      ];

/** A module that somebody else uses by now stays until the next boot, which does not load it any more. */
export function unloadModule(name: string, { modules }: KernelFacts): Change[] {
  if (modules.get(name) !== 'active') return [];
  const script = 'modprobe -r -- "$1" || echo "still in use: gone with the next boot"';
  return [
    {
      id: `module:${name}`,
      action: 'remove',
      summary: `unload kernel module ${name}`,
      mayStay: true,
      origins: [{ kind: 'loaded', name }],
      steps: [{ kind: 'run', argv: ['sh', '-c', script, 'sh', name], deadlineSeconds: 30 }],
    },
  ];
}

export function setSysctlBack(key: string, value: string, { sysctls }: KernelFacts): Change[] {
  const now = sysctls.get(key);
  if (now?.value === undefined || now.value === normalSpace(value) || !now.writable) return [];
  const argv = ['sh', '-c', 'printf "%s\\n" "$1" > "$2"', 'sh', value, sysctlPath(key)];
  return [
    {
      id: `sysctl:${key}`,
      action: 'set',
      summary: `set ${key} back to ${value} (was ${now.value})`,
      origins: [{ kind: 'sysctl', key, value: now.value }],
      steps: [{ kind: 'run', argv, deadlineSeconds: 10 }],
    },
  ];
}

/** What was done by commands that leave nothing to be seen: it is safe to be undone twice. */
export const runUndoing = (name: string, script: string): Change => ({
  id: `undo:${name}`,
  action: 'remove',
  summary: `undo ${name}`,
  mayStay: true,
  steps: [{ kind: 'run', argv: ['sh', '-c', script], deadlineSeconds: 60 }],
});
