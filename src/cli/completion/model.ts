import type { Argument, Command, Option } from 'commander';

/** On one line: there is room for no more. */
const firstSentence = (text: string): string =>
  (text.split(/(?<=\.)\s+(?=[A-Z])|\n\n/, 1)[0] ?? '').replace(/\s+/g, ' ').trim();

/** What stands in a place of the command line, as far as a shell can help with it. */
export type Value =
  | { readonly kind: 'files' }
  /** Names of hosts and groups of the profile on the same line. `list`: several, with commas between them. */
  | { readonly kind: 'hosts'; readonly list: boolean }
  /** `files`: or a file. */
  | {
      readonly kind: 'words';
      readonly words: readonly string[];
      readonly list: boolean;
      readonly files?: boolean;
    }
  /** The commands below the one that the word before names. */
  | { readonly kind: 'verbs'; readonly below: ReadonlyMap<string, readonly string[]> }
  | { readonly kind: 'other' };

export interface CompletedOption {
  /** `-y` and `--yes`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined: it takes none. */
  readonly value: Value | undefined;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  readonly places: readonly Value[];
  /** The last place may be filled again and again. */
  readonly variadic: boolean;
}

/** Names of placeholders that stand for a path of this machine. */
const paths = ['profile', 'file', 'folder', 'archive'];

const completedValue = (name: string, choices: readonly string[] | undefined, list = false): Value => {
  if (choices !== undefined) return { kind: 'words', words: choices, list };
  if (name === 'hosts' || name === 'host') return { kind: 'hosts', list };
  return { kind: paths.includes(name) ? 'files' : 'other' };
};

/** The placeholder of a list with commas. */
const names = 'names';

const placeholderOf = ({ flags }: Option): string => /[<[]([\w-]+)/.exec(flags)?.[1] ?? '';

const optionOf = (option: Option): CompletedOption => {
  const { long, short, description, required, optional, argChoices } = option;
  const takesValue = required || optional;
  const placeholder = placeholderOf(option);
  const name = option.name().startsWith('host') ? option.name() : placeholder;
  return {
    names: [short, long].filter((one) => one !== undefined),
    description: firstSentence(description),
    value: takesValue ? completedValue(name, argChoices, placeholder === names) : undefined,
  };
};

const placeOf = (argument: Argument): Value => completedValue(argument.name(), argument.argChoices);

/** Commands below a command are words in its first place, beside what else may stand there. */
const placesOf = (command: Command): readonly Value[] => {
  const own = command.registeredArguments.map(placeOf);
  const below = command.commands.map((one) => one.name());
  if (below.length === 0) return own;
  const [first, ...others] = own;
  return [
    { kind: 'words', words: below, list: false, files: first?.kind === 'files' },
    ...(first?.kind === 'files' ? [first] : []),
    ...others,
  ];
};

const optionsOf = (command: Command): readonly Option[] => {
  const help = command.createHelp();
  const all = [command, ...command.commands].flatMap((one) => help.visibleOptions(one));
  return [...new Map(all.map((option) => [option.long, option])).values()];
};

/** The commands of the program with everything that can stand after them; hidden ones are left out. */
export const completedCommands = (program: Command): readonly CompletedCommand[] => {
  const help = program.createHelp();
  const below = new Map(
    program.commands
      .map((command) => [command.name(), command.commands.map((one) => one.name())] as const)
      .filter(([, verbs]) => verbs.length > 0),
  );
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    summary: firstSentence(command.summary() || command.description()),
    options: optionsOf(command).map(optionOf),
    places:
      command.name() === 'help'
        ? [
            { kind: 'words', words: program.commands.map((one) => one.name()), list: false },
            { kind: 'verbs', below },
          ]
        : placesOf(command),
    variadic: command.registeredArguments.at(-1)?.variadic === true,
  }));
};
