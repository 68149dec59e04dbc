import type { Argument, Command, Help, Option } from 'commander';
import { errorPages } from '../../src/cli/error-pages.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { Fail, type FailCode } from '../../src/core/fail.ts';

/* The manual page of man(7), from the program itself: what --help says, on one page, with the files and exit codes. */

/** Nothing in a text is a request or an escape of roff. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

const bold = (text: string): string => `\\fB${roff(text)}\\fP`;

/** Paragraphs are filled; lines that begin with blanks stay as they are. */
const prose = (text: string): string[] =>
  text.split(/\n\n+/).flatMap((paragraph) => {
    const lines = paragraph.split('\n');
    const kept = lines.findIndex((line) => line.startsWith(' '));
    const filled = kept < 0 ? lines : lines.slice(0, kept);
    const rest = kept < 0 ? [] : lines.slice(kept);
    const after = rest.findIndex((line) => !line.startsWith(' '));
    const verbatim = after < 0 ? rest : rest.slice(0, after);
    const end = after < 0 ? [] : rest.slice(after);
    return [
      ...(filled.length === 0 ? [] : ['.PP', roff(filled.join('\n'))]),
      ...(verbatim.length === 0 ? [] : ['.PP', '.nf', ...verbatim.map(roff), '.fi']),
      ...(end.length === 0 ? [] : ['.PP', roff(end.join('\n'))]),
    ];
  });

const optionLines = (help: Help, option: Option): string[] => [
  '.TP',
  bold(option.flags),
  roff(help.optionDescription(option)),
];

const argumentLines = (argument: Argument): string[] => [
  '.TP',
  `\\fI${roff(argument.name())}\\fP`,
  roff(argument.description === '' ? 'see above' : argument.description),
];

/** What the help has after the options. */
const examplesOf = (command: Command): string => {
  let text = '';
  const { writeOut = () => undefined } = command.configureOutput();
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  command.configureOutput({ writeOut });
  return text.match(/\n(Examples?:\n[\s\S]*)$/)?.[1]?.trimEnd() ?? '';
};

const examplesLines = (command: Command): string[] => {
  const text = examplesOf(command);
  if (text === '') return [];
  const [, ...lines] = text.split('\n');
  return ['.PP', 'Examples:', '.PP', '.nf', ...lines.map(roff), '.fi'];
};

const usage = (help: Help, command: Command): string => {
  const text = help.commandUsage(command);
  return [bold(text.split(' [')[0] ?? text), roff(text.slice((text.split(' [')[0] ?? text).length))].join('');
};

const nameOf = (command: Command): string =>
  command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();

/** So many commands have an option before it is told once for all of them. */
const manyCommands = 8;

const keyOf = (help: Help, option: Option): string => `${option.flags} ${help.optionDescription(option)}`;

const ownOptions = (help: Help, command: Command): readonly Option[] =>
  help.visibleOptions(command).filter(({ long }) => long !== '--help');

/** The options that most commands have in common, by what the help says of them. */
const commonOptions = (help: Help, commands: readonly Command[]): ReadonlyMap<string, Option> => {
  const all = commands.flatMap((command) => [command, ...command.commands]);
  const options = all.flatMap((command) =>
    ownOptions(help, command).map((option) => [keyOf(help, option), option] as const),
  );
  return new Map(
    options.filter(([key]) => options.filter(([other]) => other === key).length >= manyCommands),
  );
};

const sharedLines = (options: readonly Option[], common: ReadonlyMap<string, Option>): string[] => {
  if (options.length === 0) return [];
  const names = options.map(({ long }) => bold(long ?? '')).join(', ');
  return [
    '.PP',
    options.length === common.size ? 'And all common options, below.' : `And of the common options ${names}.`,
  ];
};

type Section = (command: Command) => string[];

const commandSection = (common: ReadonlyMap<string, Option>): Section => {
  const section: Section = (command) => sectionOf(command, common, section);
  return section;
};

const sectionOf = (command: Command, common: ReadonlyMap<string, Option>, nested: Section): string[] => {
  const help = command.createHelp();
  const options = ownOptions(help, command);
  const isCommon = (option: Option): boolean => common.has(keyOf(help, option));
  return [
    `.SS ${roff(nameOf(command))}`,
    usage(help, command),
    ...prose(command.description()),
    ...command.registeredArguments.flatMap(argumentLines),
    ...options.filter((option) => !isCommon(option)).flatMap((option) => optionLines(help, option)),
    ...sharedLines(options.filter(isCommon), common),
    ...examplesLines(command),
    ...command.commands.flatMap(nested),
  ];
};

const exitCodes = (): string[] => {
  const byCode = new Map<number, string[]>([
    [0, ['done, or nothing to do']],
    [2, ['changes are pending, or there are findings to act on']],
  ]);
  for (const code of Object.keys(errorPages) as FailCode[]) {
    const number = exitCodeOf(new Fail(code, ''));
    byCode.set(number, [...(byCode.get(number) ?? []), code]);
  }
  return [...byCode]
    .sort(([one], [other]) => one - other)
    .flatMap(([number, words]) => ['.TP', bold(String(number)), roff(words.join(', '))]);
};

const environment: Readonly<Record<string, string>> = {
  BERTH_ARTIFACTS: 'a folder or the address of a mirror that has the release files of other programs',
  BERTH_CACHE: 'where fetched and built artifacts are kept; ~/.cache/berth',
  BERTH_CRITEST: 'the critest that verify sends to hosts at level full',
  BERTH_QUICKSTART_FOLDER: 'where embedded hosts lie; /var/lib/berth-quickstart',
  'CI, TERM=dumb': 'plain lines also on a terminal',
  'GITHUB_ACTIONS, GITLAB_CI': 'the log is folded and annotated as these systems read it',
  GITHUB_STEP_SUMMARY: 'where the summary goes unless --summary names another file',
  'HTTP_PROXY, HTTPS_PROXY, NO_PROXY': 'proxies for downloads, also in lower case',
  INK_SCREEN_READER: 'true: the wizard speaks in sentences, for screen readers',
  'NO_COLOR, FORCE_COLOR': 'no colours, or colours in any case',
  XDG_STATE_HOME: 'where berth keeps how long phases took; ~/.local/state',
};

/** The page as docs/man/berth.1 must have it. */
export const manPage = (program: Command): string => {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const common = commonOptions(help, commands);
  return [
    `.\\" Made from the program by npm run generate:docs.`,
    // Neither package.json nor a tarball of the sources knows a day, and that of the build would differ with each.
    `.TH BERTH 1 "" "berth ${program.version() ?? ''}" "User Commands"`,
    '.nh',
    '.ad l',
    '.SH NAME',
    'berth \\- turn Linux machines into proven Kubernetes container hosts',
    '.SH SYNOPSIS',
    `${bold('berth')} \\fIcommand\\fP [\\fIoptions\\fP]`,
    '.SH DESCRIPTION',
    roff(program.description()),
    ...examplesLines(program),
    '.SH COMMANDS',
    ...commands.flatMap(commandSection(common)),
    '.SH COMMON OPTIONS',
    ...[...common.values()].flatMap((option) => optionLines(help, option)),
    '.SH ENVIRONMENT',
    ...Object.entries(environment).flatMap(([name, text]) => ['.TP', bold(name), roff(text)]),
    '.SH EXIT STATUS',
    ...exitCodes(),
    '.PP',
    `${bold('berth errors')} \\fIcode\\fP tells what each means and what to do about it.`,
    '.SH FILES',
    '.TP',
    bold('berth.yaml'),
    `the profile of ${bold('berth ssh')} unless it is told another`,
    '.TP',
    bold('berth.lock'),
    'beside the profile: exactly what the hosts get',
    '.TP',
    bold('/var/lib/berth-install'),
    'on a host: what berth replaced, for rollback and reset',
    '.SH SEE ALSO',
    `${bold('crictl')}(1), ${bold('runc')}(8), ${bold('ssh_config')}(5), ${bold('crio.conf')}(5)`,
    '',
  ].join('\n');
};
