import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, HostPlan } from './change.ts';
import { removeFromImage } from './image-packages.ts';
import { fileOrigins, restoreFile, restoreUnit, unitOrigins } from './origins.ts';
import { packageManagers } from './package-managers.ts';
import { isUnitSource, planForeignReloads, reloadUnits } from './reload.ts';
import { deleteFolders, runUndoing, setSysctlBack, unloadModule } from './take-back.ts';

/** A folder or socket that is wholly the runtime's own. */
export interface Tree {
  readonly path: string;
  /** Folders that go too when nothing else is in them, the inner ones first. */
  readonly folders?: readonly string[];
  /** A rollback keeps its contents, so that it can be undone. */
  readonly kept?: true;
}

/**
 * Takes away what berth brought, newest first, and puts back what was there. Beside the trees only what the
 * host's own records name is touched.
 */
export function planRemoval(
  facts: Facts,
  trees: readonly Tree[],
  stopPods: Change | undefined,
): Omit<HostPlan, 'host'> {
  const { install } = facts;
  // While it ends its pods the runtime writes: what was not there at the probe can be there by then.
  const remains = trees.filter(({ path }) => stopPods !== undefined || remainsOf(path, facts));
  if (install.origins.length === 0 && remains.length === 0)
    return { changes: install.generations.length > 0 ? [forgetOnly] : [], notes: [] };
  const packages = planPackageRemoval(facts);
  const files = newestFirst(fileOrigins(facts))
    .filter(({ path }) => !isInside(path, trees))
    .flatMap((origin) => restoreFile(origin, facts));
  const changes = [
    ...(stopPods === undefined ? [] : [stopPods]),
    ...newestFirst(unitOrigins(facts)).flatMap((origin) => restoreUnit(origin, facts)),
    ...files,
    ...(fileOrigins(facts).some(({ path }) => isUnitSource(path)) ? [reloadUnits] : []),
    ...planForeignReloads(facts, files),
    ...removeInterfaces(facts),
    ...restoreSysctls(facts),
    ...unloadModules(facts),
    ...runUndoings(facts),
    ...remains.map(deleteTree),
    ...packages.changes,
    ...removeFolders(facts, trees),
  ];
  // berth's own memory of the host counts: a host that still has it is not yet as it was.
  return { changes: changes.length > 0 ? changes : [forgetOnly], notes: packages.notes };
}

const forgetOnly: Change = {
  id: 'forget',
  action: 'delete',
  summary: "delete berth's records on the host",
  steps: [],
};

const newestFirst = <T>(list: readonly T[]): T[] => list.toReversed();

function removeInterfaces({ install, kernel }: Facts): Change[] {
  return install.origins.flatMap((origin): Change[] => {
    if (origin.kind !== 'interface' || !kernel.interfaces.has(origin.name)) return [];
    const { name } = origin;
    return [
      {
        id: `interface:${name}`,
        action: 'delete',
        summary: `delete the network interface ${name}`,
        steps: [{ kind: 'run', argv: ['ip', 'link', 'delete', name], deadlineSeconds: 30 }],
      },
    ];
  });
}

const restoreSysctls = ({ install, kernel }: Facts): Change[] =>
  install.origins.flatMap((origin) =>
    origin.kind === 'sysctl' ? setSysctlBack(origin.key, origin.value, kernel) : [],
  );

const unloadModules = ({ install, kernel }: Facts): Change[] =>
  newestFirst(install.origins).flatMap((origin) =>
    origin.kind === 'module' ? unloadModule(origin.name, kernel) : [],
  );

const runUndoings = ({ install }: Facts): Change[] =>
  newestFirst(install.origins).flatMap((origin) =>
    origin.kind === 'undo' ? [runUndoing(origin.name, origin.script)] : [],
  );

/** A mount point cannot go: empty it counts as gone. */
function remainsOf(path: string, { files }: Facts): boolean {
  const now = fileAt(files, path);
  return now.kind === 'directory' ? !(now.empty && now.mountPoint) : now.kind !== 'absent';
}

const isInside = (path: string, trees: readonly Tree[]): boolean =>
  trees.some((tree) => path === tree.path || path.startsWith(`${tree.path}/`));

const deleteTree = ({ path, folders, kept }: Tree): Change => ({
  id: `tree:${path}`,
  action: 'delete',
  summary: `delete ${path}`,
  steps: [
    { kind: 'delete', path, recursive: kept ? 'kept' : true },
    ...(folders ?? []).map((folder) => ({ kind: 'delete', path: folder }) as const),
  ],
});

/** Only folders that berth made, and only when nobody put anything else into them. */
function removeFolders({ install, files }: Facts, trees: readonly Tree[]): Change[] {
  const folders = newestFirst(install.origins).flatMap((origin) =>
    origin.kind === 'folder' &&
    !isInside(origin.path, trees) &&
    fileAt(files, origin.path).kind === 'directory'
      ? [origin.path]
      : [],
  );
  return deleteFolders(folders);
}

function planPackageRemoval(facts: Facts): { changes: Change[]; notes: string[] } {
  const { manager: managerName, packages } = facts.packages;
  const brought = facts.install.origins.flatMap((origin) =>
    origin.kind === 'package' && (packages.get(origin.name)?.state ?? 'absent') !== 'absent'
      ? [origin.name]
      : [],
  );
  if (managerName === undefined || brought.length === 0) return { changes: [], notes: [] };
  if (facts.system.image !== undefined) return { changes: [removeFromImage(brought)], notes: [] };
  const kept = neededByOthers(brought, facts);
  const gone = brought.filter((name) => !kept.has(name));
  const notes = [...kept].map(([name, by]) => `package ${name} stays: ${by} needs it`);
  if (gone.length === 0) return { changes: [], notes };
  const manager = packageManagers[managerName];
  return {
    notes,
    changes: [
      {
        id: 'packages',
        action: 'remove',
        summary: `remove ${gone.join(', ')}`,
        bringsPackages: true,
        steps: [
          {
            kind: 'run',
            argv: [...manager.remove, ...gone],
            deadlineSeconds: 600,
            env: manager.env,
            locks: manager.locks,
          },
        ],
      },
    ],
  };
}

/** Packages of ours that something else came to need, and who does; what those need themselves included. */
export function neededByOthers(brought: readonly string[], { packages }: Facts): Map<string, string> {
  const kept = new Map<string, string>();
  const ours = new Set(brought);
  for (let grown = true; grown; ) {
    grown = false;
    for (const name of brought) {
      if (kept.has(name)) continue;
      const by = (packages.neededBy.get(name) ?? []).find(
        (needer) => needer !== name && (!ours.has(needer) || kept.has(needer)),
      );
      if (by === undefined) continue;
      kept.set(name, by);
      grown = true;
    }
  }
  return kept;
}
