import type { AlteredFile } from '../../host/facts/trouble.ts';
import type { Change } from '../../resources/change.ts';
import { packageManagers } from '../../resources/package-managers.ts';
import { reinstall } from '../../resources/packages.ts';
import { packagesFor } from '../packages.ts';
import { proxyVariables } from '../proxy.ts';
import { type Cause, type Examined, inDepth } from './cause.ts';

export const packageLock: Cause = {
  code: 'BD005',
  name: 'package-manager-busy',
  why: 'An apply that installs packages waits for the lock, and gives up at its deadline.',
  find: inDepth(({ packageLockHolder }) =>
    packageLockHolder === undefined
      ? []
      : [
          {
            level: 'warning',
            evidence: `${packageLockHolder} holds a lock of the package manager`,
            remedy: 'Wait for it; on fresh machines unattended upgrades take some minutes.',
          },
        ],
  ),
};

export const packagesBroken: Cause = {
  code: 'BD006',
  name: 'package-manager-broken',
  why: 'Nothing can be installed before the package manager has finished what was interrupted.',
  find: inDepth(({ packageAudit }, { facts }) => {
    const { manager: name } = facts.packages;
    if (packageAudit === '' || name === undefined) return [];
    const manager = packageManagers[name];
    const repair = name === 'apt' ? manager.repair([]) : ['rpm', '--rebuilddb'];
    return [
      {
        level: 'error',
        evidence: packageAudit.split('\n').filter(Boolean).slice(0, 6).join(' | '),
        remedy: repair.join(' '),
        fix: [
          {
            id: 'packages:repair',
            action: 'update',
            summary: `finish what the package manager began: ${repair.join(' ')}`,
            steps: [
              { kind: 'run', argv: repair, deadlineSeconds: 900, env: manager.env, locks: manager.locks },
            ],
          },
        ],
      },
    ];
  }),
};

export const ownedFile: Cause = {
  code: 'BD007',
  name: 'package-owned-file',
  why: 'berth writes that file too: the next update of the package replaces it, or stops to ask about it.',
  find: inDepth(({ owners }) =>
    [...owners].map(([path, name]) => ({
      level: 'warning',
      evidence: `${path} belongs to the package ${name}`,
      remedy: `Remove ${name} if nothing needs it; berth brings its own ${path}.`,
    })),
  ),
};

/** The first few, and what there is of them beside. */
const areAs = (files: readonly AlteredFile[], what: string): string[] => {
  const [paths, more] = [files.slice(0, 3).map(({ path }) => path), files.length - 3];
  if (files.length === 0) return [];
  const which = more > 0 ? `${paths.join(', ')} and ${more} more` : paths.join(', ');
  return [`${which} ${files.length === 1 ? 'is' : 'are'} ${what}`];
};

/** Where nothing is overwritten that somebody may have meant, and no secret is needed on the way to the package. */
const reinstalled = ({ spec, facts }: Examined, name: string, files: readonly AlteredFile[]): Change[] => {
  const version = facts.packages.packages.get(name)?.version;
  const hasLogin = [spec.proxy.http, spec.proxy.https].some((address) => typeof address === 'object');
  const isImage = facts.system.image !== undefined;
  if (version === undefined || hasLogin || isImage || files.some(({ missing }) => !missing)) return [];
  return [
    {
      id: `packages:reinstall:${name}`,
      action: 'update',
      summary: `install ${name} ${version} again`,
      steps: reinstall(facts, name, version, proxyVariables(spec)),
    },
  ];
};

export const filesAltered: Cause = {
  code: 'BD034',
  name: 'package-files-altered',
  why: 'The package counts as installed, so that no apply brings its files again, and what needs them fails.',
  find: inDepth(({ altered }, examined) => {
    const { facts, spec } = examined;
    return packagesFor(spec, facts).flatMap((name) => {
      const files = altered.get(name) ?? [];
      if (files.length === 0) return [];
      const missing = files.filter((file) => file.missing);
      const changed = files.filter((file) => !file.missing);
      const seen = [...areAs(missing, 'missing'), ...areAs(changed, 'not as the package has it')];
      return [
        {
          level: missing.length > 0 ? 'error' : 'warning',
          evidence: `${name}: ${seen.join('; ')}`,
          remedy:
            facts.packages.manager === 'apt'
              ? `apt-get install --reinstall ${name}`
              : `dnf reinstall ${name}`,
          fix: reinstalled(examined, name, files),
        },
      ];
    });
  }),
};
