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

const commandSection = (command: Command): string[] => {
  const help = command.createHelp();
  return [
    `.SS ${roff(nameOf(command))}`,
    usage(help, command),
    ...prose(command.description()),
    ...command.registeredArguments.flatMap(argumentLines),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .flatMap((option) => optionLines(help, option)),
    ...examplesLines(command),
    ...command.commands.flatMap(commandSection),
  ];
};

const exitCodes = (): string[] => {
  const byCode = new Map<number, string[]>();
  for (const code of Object.keys(errorPages) as FailCode[]) {
    const number = exitCodeOf(new Fail(code, ''));
    byCode.set(number, [...(byCode.get(number) ?? []), code]);
  }
  return [...byCode]
    .sort(([one], [other]) => one - other)
    .flatMap(([number, codes]) => ['.TP', bold(String(number)), roff(codes.join(', '))]);
};

const environment: Readonly<Record<string, string>> = {
  BERTH_ARTIFACTS: 'a folder or the address of a mirror that has the release files of other programs',
  BERTH_CACHE: 'where fetched and built artifacts are kept; ~/.cache/berth',
  BERTH_QUICKSTART_FOLDER: 'where embedded hosts lie; /var/lib/berth-quickstart',
  'CI, TERM=dumb': 'plain lines also on a terminal',
  'GITHUB_ACTIONS, GITLAB_CI': 'the log is folded and annotated as these systems read it',
  GITHUB_STEP_SUMMARY: 'where the summary goes unless --summary names another file',
  'HTTP_PROXY, HTTPS_PROXY, NO_PROXY': 'proxies for downloads',
  'NO_COLOR, FORCE_COLOR': 'no colours, or colours in any case',
};

/** The page as docs/man/berth.1 must have it. */
export const manPage = (program: Command): string => {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  return [
    `.\\" Made from the program by npm run generate:docs.`,
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
    ...commands.flatMap(commandSection),
    '.SH ENVIRONMENT',
    ...Object.entries(environment).flatMap(([name, text]) => ['.TP', bold(name), roff(text)]),
    '.SH EXIT STATUS',
    '.TP',
    bold('0'),
    'done, or nothing to do',
    '.TP',
    bold('2'),
    'changes are pending, or there are findings to act on',
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
    bold('/var/lib/berth\\-install'),
    'on a host: what berth replaced, for rollback and reset',
    '.SH SEE ALSO',
    `${bold('crictl')}(1), ${bold('runc')}(8), ${bold('ssh_config')}(5), ${bold('crio.conf')}(5)`,
    '',
  ].join('\n');
};
