import type { LockedPackage } from '../../artifacts/lock/lock.ts';
import { CommandFailed } from '../../core/fail.ts';
import { splitTopics } from '../facts/probe.ts';
import type { Connection } from '../transport/connection.ts';
import { aptResolver } from './resolve-apt.ts';
import { dnfResolver } from './resolve-dnf.ts';
import type { Resolver, Wanted } from './resolver.ts';

/** Lists of a large distribution over a slow line, and the packages themselves where they are needed for their digests. */
const deadlineMs = 900_000;

const resolvers: Readonly<Record<Wanted['manager'], Resolver>> = { apt: aptResolver, dnf: dnfResolver };

/**
 * The wanted packages and everything that they need and a bare system of this distribution lacks, by name: what the
 * host's own repositories offer now. What the host itself would need beyond that, upgrades of its own included, is among
 * them. Changes nothing on the host.
 * @throws Fail `CommandFailed` with what the package manager said
 */
export async function resolvePackages(
  connection: Connection,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Record<string, LockedPackage>> {
  const resolver = resolvers[wanted.manager];
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const result = await connection.sh(await resolver.script(wanted), { signal: deadline });
  const topics = splitTopics(result.stdout);
  if (result.exitCode !== 0 || !topics.has('end')) throw cannotResolve(connection, wanted, result);
  return resolver.packagesIn(topics, wanted.names);
}

function cannotResolve(
  { host }: Connection,
  { manager }: Wanted,
  result: Awaited<ReturnType<Connection['sh']>>,
): CommandFailed {
  const { complaint } = resolvers[manager];
  const said = `${result.stderr}\n${result.stdout}`.split('\n').filter((line) => complaint.test(line.trim()));
  const why = said.length === 0 ? 'it did not come to its end' : said.slice(0, 5).join('; ');
  return new CommandFailed(
    `${host}: ${manager} cannot say what the packages need: ${why}`,
    { argv: ['sh', `resolve-${manager}.sh`], ...result },
    {
      hint: "see that the host's package sources can be reached and have these packages, or use --no-packages",
    },
  );
}
