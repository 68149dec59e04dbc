import { normalSpace, sysctlPath } from '../host/facts/kernel.ts';
import type { Change, HostPlan } from './change.ts';
import { putBackFiles } from './rollback-files.ts';
import { putBackPackages } from './rollback-packages.ts';
import { bringUnitsUp, takeUnitsDown } from './rollback-units.ts';
import { canCutConnections } from './sysctl.ts';
import { firstOf, isOfRelease, type WayBack } from './way-back.ts';

/**
 * Takes a host back to how it was before some generations: services that were not there stop first, then files,
 * kernel and packages become what they were, then services run with what they read. Things that are so already are
 * left alone, whatever the records say.
 */
export function planRollback(way: WayBack): Omit<HostPlan, 'host'> {
  const units = firstOf(way.records, 'unit');
  const disturbed = new Set(firstOf(way.records, 'disturbed').map(({ name }) => name));
  const down = takeUnitsDown(units, way.facts);
  const files = putBackFiles(firstOf(way.records, 'file'), disturbed, way);
  const packages = putBackPackages(way);
  const middle = [
    ...files.changes,
    ...removeFolders(way),
    ...removeInterfaces(way),
    ...loadModules(way),
    ...putBackSysctls(way),
    ...unloadModules(way),
    ...runUndoings(way),
    ...packages.changes,
  ];
  const written = new Set(
    middle.flatMap(({ steps }) => steps.flatMap((step) => ('path' in step ? [step.path] : []))),
  );
  // What may stay is tried at each look, and nobody runs or reads it.
  const isChanged = middle.some(({ mayStay }) => !mayStay);
  const up = bringUnitsUp(units, isChanged ? disturbed : new Set(), written, way.facts);
  return { changes: [...down, ...middle, ...up], notes: [...files.notes, ...packages.notes] };
}

/** Only folders that the generations made, and only when nobody put anything else into them. */
function removeFolders({ records, facts, release }: WayBack): Change[] {
  const folders = firstOf(records, 'folder')
    .map(({ path }) => path)
    .filter((path) => !isOfRelease(path, release) && facts.files.get(path)?.kind === 'directory')
    .toReversed();
  if (folders.length === 0) return [];
  return [
    {
      id: 'folders',
      action: 'delete',
      summary: `delete the folders that berth made, if empty: ${folders.join(', ')}`,
      mayStay: true,
      steps: folders.map((path) => ({ kind: 'delete', path })),
    },
  ];
}

/** Pods that are still attached keep their network. */
function removeInterfaces({ records, facts }: WayBack): Change[] {
  return firstOf(records, 'interface').flatMap(({ name }): Change[] => {
    if (!facts.kernel.interfaces.has(name)) return [];
    const script =
      'if [ -n "$(ls "/sys/class/net/$1/brif" 2>/dev/null)" ]; then echo "pods use it: it stays"; ' +
      'else ip link delete "$1"; fi';
    return [
      {
        id: `interface:${name}`,
        action: 'delete',
        summary: `delete the network interface ${name} unless pods use it`,
        mayStay: true,
        steps: [{ kind: 'run', argv: ['sh', '-c', script, 'sh', name], deadlineSeconds: 30 }],
      },
    ];
  });
}

function putBackSysctls({ records, facts }: WayBack): Change[] {
  return firstOf(records, 'sysctl').flatMap(({ key, value }): Change[] => {
    const now = facts.kernel.sysctls.get(key);
    if (now?.value === undefined || now.value === normalSpace(value) || !now.writable) return [];
    const argv = ['sh', '-c', 'printf "%s\\n" "$1" > "$2"', 'sh', value, sysctlPath(key)];
    return [
      {
        id: `sysctl:${key}`,
        action: 'set',
        summary: `set ${key} back to ${value} (was ${now.value})`,
        origins: [{ kind: 'sysctl', key, value: now.value }],
        ...(canCutConnections(key) ? { guarded: true } : {}),
        steps: [{ kind: 'run', argv, deadlineSeconds: 10 }],
      },
    ];
  });
}

/** A module that somebody else uses by now stays until the next boot, which does not load it any more. */
function unloadModules({ records, facts }: WayBack): Change[] {
  return firstOf(records, 'module')
    .toReversed()
    .flatMap(({ name }): Change[] => {
      if (facts.kernel.modules.get(name) !== 'active') return [];
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
    });
}

function loadModules({ records, facts }: WayBack): Change[] {
  return firstOf(records, 'loaded').flatMap(({ name }): Change[] =>
    facts.kernel.modules.get(name) !== 'available'
      ? []
      : [
          {
            id: `module:${name}`,
            action: 'load',
            summary: `load kernel module ${name}`,
            origins: [{ kind: 'module', name }],
            steps: [{ kind: 'run', argv: ['modprobe', '--', name], deadlineSeconds: 30 }],
          },
        ],
  );
}

function runUndoings({ records }: WayBack): Change[] {
  return firstOf(records, 'undo')
    .toReversed()
    .map(({ name, script }) => ({
      id: `undo:${name}`,
      action: 'remove',
      summary: `undo ${name}`,
      // That it was undone cannot be seen: it is safe to be undone twice.
      mayStay: true,
      guarded: true,
      steps: [{ kind: 'run', argv: ['sh', '-c', script], deadlineSeconds: 60 }],
    }));
}
