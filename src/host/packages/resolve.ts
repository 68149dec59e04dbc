import { readFile } from 'node:fs/promises';
import type { LockedPackage } from '../../artifacts/lock/lock.ts';
import { CommandFailed } from '../../core/fail.ts';
import { splitTopics } from '../facts/probe.ts';
import { quote } from '../quote.ts';
import type { Connection } from '../transport/connection.ts';
import { aptPreferences } from './apt-preferences.ts';
import { parseUris } from './apt-uris.ts';

/** Lists of a large distribution over a slow line. */
const deadlineMs = 600_000;

const scripts = {
  apt: readFile(new URL('./resolve-apt.sh', import.meta.url), 'utf8'),
};
for (const script of Object.values(scripts)) script.catch(() => {});

export interface Wanted {
  readonly manager: 'apt';
  readonly names: readonly string[];
  /** Versions to hold where the repositories still have them, by name. */
  readonly held: Readonly<Record<string, LockedPackage>>;
}

/**
 * The wanted packages and everything that they need and a bare system of this distribution lacks, by name: what the
 * host's own repositories offer now. What the host itself would need beyond that, upgrades of its own included, is among
 * them. Changes nothing on the host.
 * @throws Fail `CommandFailed` with what the package manager said
 */
export async function resolvePackages(
  connection: Connection,
  { manager, names, held }: Wanted,
  signal: AbortSignal,
): Promise<Record<string, LockedPackage>> {
  const parameters = `wanted=${quote(names.join(' '))}\npins=${quote(aptPreferences(held))}\n`;
  const script = parameters + (await scripts[manager]);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const result = await connection.sh(script, { signal: deadline });
  const topics = splitTopics(result.stdout);
  if (result.exitCode !== 0 || !topics.has('end')) throw cannotResolve(connection, manager, result);
  const packagesOf = (topic: string): Record<string, LockedPackage> =>
    parseUris((topics.get(topic) ?? []).map(([line = '']) => line));
  const bare = packagesOf('bare');
  const lacking = Object.entries(packagesOf('wanted')).filter(
    ([name]) => bare[name] === undefined || names.includes(name),
  );
  return { ...Object.fromEntries(lacking), ...packagesOf('here') };
}

function cannotResolve(
  { host }: Connection,
  manager: string,
  result: Awaited<ReturnType<Connection['sh']>>,
): CommandFailed {
  const said = `${result.stderr}\n${result.stdout}`
    .split('\n')
    .filter((line) => /^(E:|Err|W:)|unmet|Depends:|Unable/.test(line.trim()));
  const why = said.length === 0 ? 'it did not come to its end' : said.slice(0, 5).join('; ');
  return new CommandFailed(
    `${host}: ${manager} cannot say what the packages need: ${why}`,
    { argv: ['sh', `resolve-${manager}.sh`], ...result },
    {
      hint: "see that the host's package sources can be reached and have these packages, or use --no-packages",
    },
  );
}
