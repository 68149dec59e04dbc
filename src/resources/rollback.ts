import type { Change, HostPlan } from './change.ts';
import { putBackFiles } from './rollback-files.ts';
import { putBackPackages } from './rollback-packages.ts';
import { bringUnitsUp, takeUnitsDown } from './rollback-units.ts';
import { canCutConnections } from './sysctl.ts';
import { deleteFolders, runUndoing, setSysctlBack, unloadModule } from './take-back.ts';
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
  // A package that goes or is exchanged takes its own files along: those that were there before come back after it.
  const isLast = ({ action }: Change): boolean => packages.changes.length > 0 && action !== 'delete';
  const middle = [
    ...files.changes.filter((change) => !isLast(change)),
    ...removeFolders(way),
    ...removeInterfaces(way),
    ...loadModules(way),
    ...putBackSysctls(way),
    ...unloadModules(way),
    ...runUndoings(way),
    ...packages.changes,
    ...files.changes.filter(isLast),
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
  return deleteFolders(folders);
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

const putBackSysctls = ({ records, facts }: WayBack): Change[] =>
  firstOf(records, 'sysctl').flatMap(({ key, value }) =>
    setSysctlBack(key, value, facts.kernel).map((change) =>
      canCutConnections(key) ? { ...change, guarded: true } : change,
    ),
  );

const unloadModules = ({ records, facts }: WayBack): Change[] =>
  firstOf(records, 'module')
    .toReversed()
    .flatMap(({ name }) => unloadModule(name, facts.kernel));

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

const runUndoings = ({ records }: WayBack): Change[] =>
  firstOf(records, 'undo')
    .toReversed()
    .map(({ name, script }) => ({ ...runUndoing(name, script), guarded: true }));
