import type { History } from '../host/facts/history.ts';
import type { Change, Step } from './change.ts';
import { removeFromImage } from './image-packages.ts';
import { packageManagers } from './package-managers.ts';
import { neededByOthers } from './remove.ts';
import { firstOf, type WayBack } from './way-back.ts';

/** A mirror at the other end of the world, and a slow disk. */
const deadlineSeconds = 900;

interface Exchange {
  readonly name: string;
  readonly version: string;
  /** Undefined: it is not installed now. */
  readonly now: string | undefined;
}

/**
 * Packages in the versions that they had; those that were not there go. A version that cannot be had any more is said
 * in the plan, and the package stays as it is.
 */
export function putBackPackages(way: WayBack): { changes: Change[]; notes: string[] } {
  const { history, facts } = way;
  const managerName = facts.packages.manager;
  if (managerName === undefined) return { changes: [], notes: [] };
  const versions = firstOf(way.records, 'version');
  const wanted = versions.flatMap(({ name, from }): Exchange[] => {
    const now = history.installed.get(name);
    return from === undefined || from === now ? [] : [{ name, version: from, now }];
  });
  const brought = broughtPackages(way);
  if (facts.system.image !== undefined) {
    const notes = wanted.map((exchange) => `package ${sayOfImage(exchange)}`);
    return { changes: brought.length > 0 ? [removeFromImage(brought)] : [], notes };
  }
  const lost = wanted.filter((exchange) => !isAvailable(exchange, history));
  const kept = neededByOthers(brought, facts);
  const gone = brought.filter((name) => !kept.has(name));
  const notes = [
    ...lost.map((exchange) => `package ${sayLost(exchange, history)}`),
    ...[...kept].map(([name, by]) => `package ${name} stays: ${by} needs it`),
  ];
  const manager = packageManagers[managerName];
  const change = (
    id: string,
    summary: string,
    argv: readonly string[],
    action: Change['action'],
  ): Change => ({
    id,
    action,
    summary,
    bringsPackages: true,
    steps: [{ kind: 'run', argv, deadlineSeconds, env: manager.env, locks: manager.locks } satisfies Step],
  });
  const back = wanted.filter((exchange) => !lost.includes(exchange));
  return {
    notes,
    changes: [
      ...(back.length > 0
        ? [
            change(
              'packages:versions',
              back.map(sayExchange).join(', '),
              manager.exchange(back.map(({ name, version }) => [name, version])),
              'install',
            ),
          ]
        : []),
      ...(gone.length > 0
        ? [change('packages', `remove ${gone.join(', ')}`, [...manager.remove, ...gone], 'remove')]
        : []),
    ],
  };
}

/** Installed now, and not before. */
function broughtPackages({ records, history, facts }: WayBack): string[] {
  const versions = new Map(firstOf(records, 'version').map((record) => [record.name, record]));
  const names = new Set([...firstOf(records, 'package').map(({ name }) => name), ...versions.keys()]);
  return [...names].filter((name) => {
    const record = versions.get(name);
    if (record !== undefined) return record.from === undefined && history.installed.has(name);
    // Berth 0.1 noted names alone.
    return (facts.packages.packages.get(name)?.state ?? 'absent') !== 'absent';
  });
}

const isAvailable = ({ name, version }: Exchange, { available }: History): boolean =>
  available.get(name)?.includes(version) ?? false;

const sayExchange = ({ name, version, now }: Exchange): string =>
  now === undefined ? `install ${name} ${version} again` : `exchange ${name} ${now} → ${version}`;

const sayOfImage = ({ name, version, now }: Exchange): string =>
  `${name} ${now === undefined ? 'is not installed again' : `stays at ${now}`}: its version ${version} is a matter of the image`;

function sayLost({ name, version, now }: Exchange, { available }: History): string {
  const offered = available.get(name) ?? [];
  const there = offered.length === 0 ? 'nothing of it' : offered.join(', ');
  const stays = now === undefined ? 'is not installed again' : `stays at ${now}`;
  return `${name} ${stays}: ${version} is not available any more; the repositories have ${there}`;
}
