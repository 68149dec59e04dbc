import { type Command, InvalidArgumentError, Option } from 'commander';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import type { RollbackPolicy } from '../flows/context.ts';
import { tagNames } from '../node/tags.ts';
import type { ProfileAdditions } from '../profile/load-profile.ts';
import type { HostEntry, Profile } from '../profile/profile.ts';
import type { SummaryOptions } from './summary-file.ts';

/** Options of every command that reads a profile. */
export interface ProfileOptions {
  /** Files laid over the profile. */
  readonly overlay?: readonly string[];
  /** Values of variables, as NAME=VALUE. */
  readonly set?: readonly string[];
}

/** Options of every command that works on hosts. */
export interface RunOptions extends ProfileOptions, SummaryOptions {
  readonly hosts?: readonly string[];
  readonly parallel: number;
  readonly stats: boolean;
  readonly json: boolean;
  readonly ci: boolean;
  readonly verbose: boolean;
  /** After so many hosts that failed no other is begun. */
  readonly maxFailures?: number;
  /** Takes everything that happens, as JSON lines. */
  readonly logFile?: string;
  /** Only the changes of these concerns. */
  readonly tags?: readonly string[];
}

/** Options of commands that change hosts. */
export interface ChangeOptions extends RunOptions, GuardOptions {
  readonly yes: boolean;
  /** Show what would change, and change nothing. */
  readonly check?: boolean;
}

/** What happens on hosts that are busy, or not well after a change. */
interface GuardOptions {
  readonly lockTimeout?: number;
  /** False: `--no-rollback`. */
  readonly rollback?: boolean;
  readonly rollbackOnFailure?: boolean;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 1000.');
};

const nameList = (text: string): readonly string[] => {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw new InvalidArgumentError('It must be names with commas between them.');
};

const assignment = (text: string, before: readonly string[] = []): readonly string[] => {
  if (/^[A-Za-z_][A-Za-z0-9_-]*=/.test(text)) return [...before, text];
  throw new InvalidArgumentError('It must be NAME=VALUE, as in region=eu-west.');
};

const oneMore = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** For commands that read a profile: `--overlay` and `--set`. */
export const withProfileOptions = (command: Command): Command =>
  command
    .option('--overlay <file>', 'lay this file over the profile; may be given several times', oneMore)
    .option('--set <name=value>', 'value of a variable; may be given several times', assignment);

export const additionsOf = ({ overlay = [], set = [] }: ProfileOptions): ProfileAdditions => ({
  overlays: overlay,
  set,
});

export const withRunOptions = (command: Command, subject = 'YAML file that describes the hosts'): Command =>
  withProfileOptions(command.argument('<profile>', subject))
    .option(
      '--hosts <names>',
      'work on these hosts or groups of the profile alone, e.g. node-1,edge',
      nameList,
    )
    .option('--parallel <number>', 'hosts worked on at the same time', positive, 50)
    .option('--max-failures <number>', 'begin no other host after so many that failed', positive)
    .option('--log-file <file>', 'append everything that happens to this file, one JSON object a line')
    .option('--summary <file>', 'append what came of it to this file, as Markdown')
    .option('--stats', 'print round trips, bytes and time at the end', false)
    .option('--json', 'print one JSON object a line', false)
    .option('--ci', 'print plain lines and never ask, as without a terminal', false)
    .option('--verbose', 'tell more', false);

export const withChangeOptions = (command: Command, subject?: string): Command =>
  withRunOptions(command, subject)
    .option('-y, --yes', 'do not ask before changing anything', false)
    .option('--lock-timeout <seconds>', 'wait so long for a host on which berth is at work already', seconds)
    .option('--check', 'change nothing; exit with 2 when there is something to do', false);

/** For commands that verify what they changed. */
export const withRollbackOptions = (command: Command): Command =>
  command
    .option('--no-rollback', 'leave a host that is not well after the change as it is, for study')
    .option('--rollback-on-failure', 'take a host back also when a step of the change fails', false);

export const rollbackPolicyOf = ({ rollback, rollbackOnFailure }: GuardOptions): RollbackPolicy => {
  if (rollback === false) return 'never';
  return rollbackOnFailure ? 'when-failed' : 'when-red';
};

const seconds = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('It must be a whole number of seconds, at most 86400.');
};

/** For commands that plan: `--tags`. */
export const withTags = (command: Command): Command =>
  command.addOption(
    new Option('--tags <names>', 'only the changes of these concerns, with commas between them')
      .choices(tagNames)
      .argParser(nameList),
  );

/** @throws Fail `BadUsage` for a tag that is none. */
export const requireKnownTags = (tags: readonly string[] | undefined): void => {
  const unknown = tags?.find((tag) => !tagNames.includes(tag));
  if (unknown === undefined) return;
  const guess = nearest(unknown, tagNames);
  throw new Fail('BadUsage', `--tags names ${unknown}, which is no concern of a node`, {
    hint: guess === undefined ? `there are ${tagNames.join(', ')}` : `did you mean ${guess}?`,
  });
};

/** Options of commands that prove hosts. */
export interface ReportOptions {
  readonly junit?: string;
}

/** `what`: that the command has to tell. */
export const withJunitOption = (command: Command, what: string): Command =>
  command.option('--junit <file>', `write ${what} to this file as JUnit XML`);

/**
 * The hosts of this run, in the order of the profile: `names` are those of hosts or groups.
 * @throws Fail `BadUsage` for a name that the profile does not have.
 */
export const selectHosts = (profile: Profile, names: readonly string[] | undefined): readonly HostEntry[] => {
  if (names === undefined) return profile.hosts;
  const groups = profile.hosts.flatMap((host) => host.groups);
  const known = [...new Set([...profile.hosts.map((host) => host.name), ...groups])];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined)
    return profile.hosts.filter((host) => [host.name, ...host.groups].some((name) => names.includes(name)));
  const guess = nearest(unknown, known);
  throw new Fail('BadUsage', `--hosts names ${unknown}, which is no host and no group of ${profile.file}`, {
    hint: guess === undefined ? `it has ${known.join(', ')}` : `did you mean ${guess}?`,
  });
};
