import type { CompletedCommand, CompletedOption, Value } from './model.ts';

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** What fish offers in a place, and whether files are among it. */
const answer = (value: Value): string => {
  switch (value.kind) {
    case 'files':
      return '-F';
    case 'hosts':
      return `-f -a '(${value.list ? '__berth_list (__berth_hosts)' : '__berth_hosts'})'`;
    case 'words': {
      const words = value.words.join(' ');
      return `${value.files === true ? '-F' : '-f'} -a '${value.list ? `(__berth_list ${words})` : words}'`;
    }
    case 'verbs':
    case 'other':
      return '-f';
  }
};

/** `before`: where this word stands right before the one that is completed. */
const within = (command: CompletedCommand, before?: string): string => {
  const more = before === undefined ? '' : `; and test (commandline -opc)[-1] = ${before}`;
  return `complete -c berth -n 'test (__berth_command) = ${command.name}${more}'`;
};

const optionLine = (command: CompletedCommand, { names, description, value }: CompletedOption): string => {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const takes = value === undefined ? '' : ` -r ${answer(value)}`;
  return `${within(command)} ${flags.join(' ')} -d ${quoted(description)}${takes}`;
};

/** Places are not counted: what any of them may be is offered in all of them, but where the word before tells them apart. */
const placeLines = (command: CompletedCommand): string[] => {
  const first = command.places.some(({ kind }) => kind === 'verbs') ? command.name : undefined;
  return command.places.flatMap((value) => {
    if (value.kind === 'other') return [];
    if (value.kind !== 'verbs') return [`${within(command, first)} ${answer(value)}`];
    return [...value.below].map(([name, verbs]) => `${within(command, name)} -f -a '${verbs.join(' ')}'`);
  });
};

const commandLines = (command: CompletedCommand): string[] => [
  `complete -c berth -n 'test -z "$(__berth_command)"' -f -a ${command.name} -d ${quoted(command.summary)}`,
  ...command.options.map((option) => optionLine(command, option)),
  ...placeLines(command),
];

/** The script for ~/.config/fish/completions/berth.fish. */
export const fishCompletion = (
  commands: readonly CompletedCommand[],
): string => `# fish completion of berth, written by: berth completion fish

# The command on the line, or an empty text.
function __berth_command
  set -l words (commandline -opc)
  for word in $words[2..-1]
    if not string match -q -- '-*' $word
      echo $word
      return
    end
  end
  echo ''
end

# Words with commas between them: what stands before the last comma stays.
function __berth_list
  set -l head (string match -r -- '^.*,' (commandline -ct))
  set -l head (string replace -r -- '^--[a-z-]+=' '' "$head")
  for word in $argv
    echo $head$word
  end
end

function __berth_hosts
  set -l words (commandline -opc)
  set -l files
  for word in $words[3..-1]
    test -f $word; and set files $files $word
  end
  test -f berth.yaml; and set files $files berth.yaml
  test -n "$files"; and berth completion --hosts-of $files[1] 2>/dev/null | string split -n ' '
end

complete -c berth -f
${commands.flatMap(commandLines).join('\n')}
`;
