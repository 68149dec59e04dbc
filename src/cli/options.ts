import { type Command, InvalidArgumentError } from 'commander';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { tagNames } from '../node/node.ts';
import type { HostEntry, Profile } from '../profile/profile.ts';

/** Options of every command that works on hosts. */
export interface RunOptions {
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
export interface ChangeOptions extends RunOptions {
  readonly yes: boolean;
  /** Show what would change, and change nothing. */
  readonly check?: boolean;
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

export const withRunOptions = (command: Command, subject = 'YAML file that describes the hosts'): Command =>
  command
    .argument('<profile>', subject)
    .option('--hosts <names>', 'work on these hosts of the profile alone, e.g. node-1,node-2', nameList)
    .option('--parallel <number>', 'hosts worked on at the same time', positive, 50)
    .option('--max-failures <number>', 'begin no other host after so many that failed', positive)
    .option('--log-file <file>', 'append everything that happens to this file, one JSON object a line')
    .option('--stats', 'print round trips, bytes and time at the end', false)
    .option('--json', 'print one JSON object a line', false)
    .option('--ci', 'print plain lines and never ask, as without a terminal', false)
    .option('--verbose', 'tell more', false);

export const withChangeOptions = (command: Command, subject?: string): Command =>
  withRunOptions(command, subject)
    .option('-y, --yes', 'do not ask before changing anything', false)
    .option('--check', 'change nothing; exit with 2 when there is something to do', false);

/** For commands that plan: `--tags`. */
export const withTags = (command: Command): Command =>
  command.option(
    '--tags <names>',
    `only the changes of these concerns: ${tagNames.join(', ')}`,
    (text: string) => nameList(text),
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

/**
 * The hosts of this run, in the order of the profile.
 * @throws Fail `BadUsage` for a name that the profile does not have.
 */
export const selectHosts = (profile: Profile, names: readonly string[] | undefined): readonly HostEntry[] => {
  if (names === undefined) return profile.hosts;
  const known = profile.hosts.map((host) => host.name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return profile.hosts.filter((host) => names.includes(host.name));
  const guess = nearest(unknown, known);
  throw new Fail('BadUsage', `--hosts names ${unknown}, which is no host of ${profile.file}`, {
    hint: guess === undefined ? `it has ${known.join(', ')}` : `did you mean ${guess}?`,
  });
};
