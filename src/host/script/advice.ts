import { quoteAll } from '../quote.ts';
import type { Step } from './step.ts';

/*
 * What programs of a host said, and what a person can do about it. To be told alone: nothing is decided by these words,
 * which are those of the C locale.
 */

const goesOn = 'run the same command again: it goes on where this one stopped.';

const ofSystem: readonly { readonly said: RegExp; readonly advice: (path: string) => string }[] = [
  {
    said: /resource busy/i,
    advice: (path) =>
      `Something is mounted there: see it with findmnt ${path}, take it away with umount ${path}, and ${goesOn}`,
  },
  {
    said: /Read-only file system/,
    advice: () =>
      `Its file system is read-only: findmnt and dmesg on the host tell since when and why. Make it writable, and ${goesOn}`,
  },
  {
    said: /Operation not permitted/,
    advice: (path) =>
      `The file or its folder may be immutable: see it with lsattr ${path}, take that away with chattr -i, and ${goesOn}`,
  },
  {
    said: /No space left|quota exceeded/i,
    advice: () => `There is no space or no quota left for it: see df -h and df -i on the host, and ${goesOn}`,
  },
  {
    said: /Input\/output error/,
    advice: () => `The disk does not answer as it should: see dmesg on the host. Mend it, and ${goesOn}`,
  },
];

/** About a file that could not be changed. `output`: what the programs that tried said. */
export const adviceOfSystem = (path: string, output: string): string => {
  const known = ofSystem.find(({ said }) => said.test(output));
  if (known !== undefined) return known.advice(path);
  return output === ''
    ? 'See whether its file system is read-only (mount) or the file immutable (lsattr) on the host.'
    : `Mend on the host what it says, and ${goesOn}`;
};

/** The first that fits: what is named later may follow from what is named before. */
const ofPackager: readonly { readonly said: RegExp; readonly advice: string }[] = [
  {
    said: /Could not get lock|Unable to (?:acquire|lock)|transaction lock|is held by process/,
    advice:
      'Another run of the package manager holds its lock: let it end; on fresh machines unattended upgrades take some minutes.',
  },
  {
    said: /No space left|enough free space|more space needed/,
    advice: 'Free space on the host: df -h tells where it is lacking.',
  },
  {
    said: /Read-only file system/,
    advice: 'A file system of the host is read-only: findmnt and dmesg tell since when and why.',
  },
  {
    said: /dpkg was interrupted/,
    advice: 'Finish on the host what was begun: dpkg --configure -a.',
  },
  {
    said: /40[137] +(?:Unauthorized|Forbidden|Proxy)|Status code: 40[137]/,
    advice:
      'The repository, or a proxy before it, refuses the host: it wants a login, or does not let that address through.',
  },
  {
    said: /does not have a Release file/,
    advice:
      'The repository has nothing of that name: look at its address and at the release in /etc/apt/sources.list and /etc/apt/sources.list.d.',
  },
  {
    said: /404 +Not Found|Status code: 404/,
    advice:
      'The lists of the host are older than the repository: apt-get update, or dnf clean metadata, renews them.',
  },
  {
    said: /is not signed|NO_PUBKEY|GPG check FAILED|[Ss]ignature/,
    advice: 'The host does not trust the repository: its key is missing or has expired.',
  },
  {
    said: /resolv|Could not connect|Unable to connect|Failed to (?:fetch|download)|Curl error|Connection (?:refused|timed out)/,
    advice:
      'The host does not reach a repository: look at its names (getent hosts), its routes, and the proxy that it needs (spec.proxy).',
  },
  {
    said: /unmet dependencies|held broken packages|Held packages|conflicting requests|nothing provides/,
    advice:
      'Packages of the host stand in the way: apt-mark showhold or dnf versionlock list tells what is held, and repositories of other releases bring what does not fit.',
  },
  {
    said: /script subprocess|scriptlet failed|installation script/,
    advice: 'The script of a package failed on the host: journalctl -e tells of the service that it starts.',
  },
];

type RunStep = Extract<Step, { readonly kind: 'run' }>;

/** As a person types it: without what keeps apt-get from asking, and without the script around dnf. */
const typed = ([program = '', ...rest]: readonly string[]): string => {
  if (program !== 'sh') return quoteAll(program === 'apt-get' ? aptWords(rest) : [program, ...rest]);
  const [, , , ...words] = rest;
  const apt = words.indexOf('apt-get');
  if (apt >= 0) return quoteAll(aptWords(words.slice(apt + 1)));
  const names = words.filter((word) => !/^(?:[-/]|install$|reinstall$)/.test(word));
  return quoteAll(['dnf', 'install', ...names]);
};

const aptWords = (words: readonly string[]): string[] => [
  'apt-get',
  ...words.filter((word, index) => !word.startsWith('-') && words[index - 1] !== '-o'),
];

/** They alone wait for locks. */
const isPackager = ({ locks }: RunStep): boolean => locks !== undefined && locks.length > 0;

/** How the lines begin that tell a cause: what stands later here is also said of what follows from the earlier. */
const causes: readonly RegExp[] = [
  /^no repository of the host has /,
  /^the installation script of .* failed$/,
  /scriptlet failed/,
  /^dpkg: (?:unrecoverable fatal )?error\b/,
  /^[EW]: (?:Failed to fetch|GPG error)/,
  /^The following packages have unmet dependencies:/,
  /^E: /,
  /^Errors during downloading/,
  /^Failed to (?:download|resolve)/,
  /^Error:/,
];

const goesOnBelow = /:$|conflicting requests$/;

/** The sentence among what a package manager printed that tells why it failed; undefined when none is known. */
export const causeOfPackager = (step: RunStep, output: string): string | undefined => {
  if (!isPackager(step)) return undefined;
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const first = causes.map((cause) => lines.findIndex((line) => cause.test(line))).find((at) => at >= 0);
  if (first === undefined) return undefined;
  const length = lines.slice(first).findIndex((line) => !goesOnBelow.test(line)) + 1;
  return lines.slice(first, length === 0 ? undefined : first + length).join(' ');
};

/** About a run of the package manager that failed, by what it printed; undefined for other commands. */
export const adviceOfPackager = (step: RunStep, output: string): string | undefined => {
  if (!isPackager(step)) return undefined;
  const known = ofPackager.find(({ said }) => said.test(output));
  const advice = known === undefined ? '' : `${known.advice} `;
  return `${advice}See it on the host with: ${typed(step.argv)}. Mend it, then ${goesOn}`;
};
