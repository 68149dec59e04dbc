import { readFile } from 'node:fs/promises';
import { CommandFailed, Fail } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import { stateFolder, transientFolder } from '../script/state.ts';
import type { Connection } from '../transport/connection.ts';
import { type DiskFact, parseDisks } from './disk.ts';
import { type FileFacts, parseFiles } from './files.ts';
import { type AskedBetween, type HealthFacts, parseHealth } from './health.ts';
import { type InstallFacts, parseInstall } from './install.ts';
import { type KernelFacts, parseKernel, sysctlPath } from './kernel.ts';
import { fieldOf, type Lines } from './lines.ts';
import { type PackageFacts, parsePackages } from './packages.ts';
import { parseReleases, type ReleaseFacts } from './releases.ts';
import { parseSystem, type SystemFacts } from './system.ts';
import { parseTrouble, type TroubleFacts } from './trouble.ts';
import { parseUnits, type UnitFacts } from './units.ts';

/** Everything that a profile can touch on a host, and no more. Words: no blanks, no wildcards. */
export interface ProbeRequest {
  /** Package names, by package manager: which one the host has is not known before. */
  readonly packages: {
    readonly apt: readonly string[];
    readonly dnf: readonly string[];
    /** Another name for one of dnf's, asked for where that is absent. */
    readonly dnfElse?: Readonly<Record<string, string>>;
  };
  /** Also who needs the packages that berth brought: every package of the host is looked at for it. */
  readonly needs?: true;
  readonly files: readonly string[];
  /** Folders whose entries are reported too. */
  readonly folders: readonly string[];
  readonly units: readonly string[];
  readonly modules: readonly string[];
  readonly sysctls: readonly string[];
  /** How long to wait for cloud-init; ten minutes unless said otherwise. */
  readonly firstBootSeconds?: number;
  /** Network interfaces. */
  readonly interfaces: readonly string[];
  /** Folders whose free space matters. */
  readonly disks: readonly string[];
  /** Folders of release folders: the usual one, and the one of hosts whose /usr is read-only. */
  readonly releases: readonly string[];
  /** Also what is wrong on the host, which takes seconds to find out: for the doctor alone. */
  readonly trouble?: TroubleRequest;
}

export interface TroubleRequest {
  /** Paths whose owning packages matter. */
  readonly owned: readonly string[];
  /** Lock files of the package managers. */
  readonly locks: readonly string[];
}

/** One host as it is. */
export interface Facts {
  readonly system: SystemFacts;
  readonly packages: PackageFacts;
  readonly files: FileFacts;
  readonly units: UnitFacts;
  readonly kernel: KernelFacts;
  readonly releases: ReleaseFacts;
  readonly disks: ReadonlyMap<string, DiskFact>;
  readonly install: InstallFacts;
  /** The host's clock, in whole seconds since the epoch; undefined when it did not say. */
  readonly clock: number | undefined;
  readonly health: HealthFacts;
  /** Undefined unless asked for. */
  readonly trouble: TroubleFacts | undefined;
}

/** The probe is the first command of a connection: a person may have to type sudo's password in between. */
const deadlineMs = 180_000;

/** A first boot installs packages, and does not take longer than this on a machine that is well. */
const firstBootSeconds = 600;

/**
 * Asks for all facts with one script: the cost is one command, whatever the number of things asked. A host at its first
 * boot answers when that is over; `onFirstBoot` is told that it is waited for.
 * @throws Fail `DeadlineExceeded` when the first boot does not end.
 */
export async function probe(
  connection: Connection,
  request: ProbeRequest,
  signal: AbortSignal,
  onFirstBoot: () => void = () => {},
): Promise<Facts> {
  const script = await probeScript(request);
  const patienceMs = (request.firstBootSeconds ?? firstBootSeconds) * 1000;
  // Only a host that says that it waits has more time than any other.
  const late = new AbortController();
  const giveUp = () => late.abort(new DOMException('the host did not answer', 'TimeoutError'));
  let deadline = setTimeout(giveUp, deadlineMs);
  const sent = Date.now();
  const result = await connection
    .sh(script, {
      signal: AbortSignal.any([signal, late.signal]),
      // It comes before all else, in one piece.
      onOutput: (first) => {
        if (!first.includes('@first-boot\n')) return;
        clearTimeout(deadline);
        deadline = setTimeout(giveUp, deadlineMs + patienceMs);
        onFirstBoot();
      },
    })
    .finally(() => clearTimeout(deadline));
  const received = Date.now();
  const topics = splitTopics(result.stdout);
  if (topics.get('first-boot')?.some(([line]) => line === 'unfinished'))
    throw stillBooting(connection, patienceMs);
  if (result.exitCode !== 0 || !topics.has('end')) {
    throw new CommandFailed(
      `${connection.host}: the host did not finish answering what it is like`,
      { argv: ['sh', 'probe.sh'], ...result },
      { hint: 'The output below says where it stopped; coreutils or busybox must be complete on the host.' },
    );
  }
  return parseFacts(topics, request, { sent, received });
}

const stillBooting = ({ host }: Connection, patienceMs: number): Fail =>
  new Fail('DeadlineExceeded', `${host}: cloud-init is still at work after ${patienceMs / 1000} s`, {
    hint: 'See what it does with: cloud-init status --long, and tail /var/log/cloud-init-output.log on the host.',
  });

const scriptText = (name: string): Promise<string> => {
  const text = readFile(new URL(`./${name}.sh`, import.meta.url), 'utf8');
  text.catch(() => {});
  return text;
};

const firstBootText = scriptText('first-boot');
const probeText = scriptText('probe');
const healthText = scriptText('health');
const troubleTexts = Promise.all([scriptText('lock-holder'), scriptText('trouble')]);
troubleTexts.catch(() => {});
const endText = 'echo @end\nexit 0\n';

export async function probeScript(request: ProbeRequest): Promise<string> {
  const parameters = {
    state: [stateFolder],
    run: [transientFolder],
    apt: request.packages.apt,
    dnf: request.packages.dnf,
    dnf_else: Object.entries(request.packages.dnfElse ?? {}).map(([name, other]) => `${name}=${other}`),
    needs: request.needs ? ['yes'] : [],
    files: request.files,
    folders: request.folders,
    units: request.units,
    modules: request.modules,
    sysctls: request.sysctls.map((key) => `${key}=${sysctlPath(key)}`),
    interfaces: request.interfaces,
    disks: request.disks,
    releases: request.releases,
    owned: request.trouble?.owned ?? [],
    locks: request.trouble?.locks ?? [],
    patience: [String(request.firstBootSeconds ?? firstBootSeconds)],
  };
  const assignments = Object.entries(parameters).map(
    ([name, words]) => `${name}=${quote(words.map(word).join(' '))}`,
  );
  const texts = [
    await firstBootText,
    await probeText,
    await healthText,
    ...(request.trouble ? await troubleTexts : []),
    endText,
  ];
  return `${assignments.join('\n')}\n${texts.join('\n')}`;
}

/** The shell splits the lists at blanks: a word with one would silently become two. */
function word(text: string): string {
  if (/^[^\s*?[\]\\]+$/.test(text)) return text;
  throw new Fail('Internal', `${JSON.stringify(text)} cannot be asked for: it holds a blank or a wildcard`);
}

/** A line `@name` begins a topic. */
export function splitTopics(output: string): Map<string, string[][]> {
  const topics = new Map<string, string[][]>();
  let lines: string[][] = [];
  for (const line of output.split('\n')) {
    if (line.startsWith('@')) {
      lines = [];
      topics.set(line.slice(1), lines);
    } else if (line !== '') lines.push(line.split('\t'));
  }
  return topics;
}

export function parseFacts(
  topics: ReadonlyMap<string, Lines>,
  request: ProbeRequest,
  asked?: AskedBetween,
): Facts {
  const linesIn = (topic: string) => topics.get(topic) ?? [];
  return {
    system: parseSystem(linesIn('system')),
    packages: parsePackages(linesIn('packages'), request.packages),
    files: parseFiles(linesIn('files')),
    units: parseUnits(linesIn('units')),
    kernel: parseKernel(linesIn('kernel')),
    releases: parseReleases(linesIn('releases')),
    disks: parseDisks(linesIn('disk')),
    install: parseInstall(linesIn('install')),
    clock: Number(fieldOf(linesIn('health'), 'clock')) || undefined,
    health: parseHealth(linesIn('health'), asked),
    trouble: topics.has('trouble') ? parseTrouble(linesIn('trouble')) : undefined,
  };
}
