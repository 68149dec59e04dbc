import { Command, Help, type Option } from 'commander';
import { ownVersion } from '../core/own-version.ts';
import { applyCommand } from './apply.ts';
import { buildReleaseCommand } from './build-release.ts';
import { bundleCommand } from './bundle.ts';
import { completionCommand } from './completion.ts';
import { doctorCommand } from './doctor.ts';
import { driftCommand } from './drift.ts';
import { errorsCommand } from './errors.ts';
import { explainCommand } from './explain.ts';
import { exportCommand } from './export.ts';
import { helpCommand } from './help.ts';
import { hostsCommand } from './hosts.ts';
import { initCommand } from './init.ts';
import { kubernetesCommand } from './kubernetes.ts';
import { lockCommand } from './lock.ts';
import { planCommand } from './plan.ts';
import { quickstartCommand } from './quickstart.ts';
import { resetCommand } from './reset.ts';
import { rollbackCommand } from './rollback.ts';
import { schemaCommand } from './schema.ts';
import { sshCommand } from './ssh.ts';
import { usageFail } from './usage.ts';
import { validateCommand } from './validate.ts';
import { verifyCommand } from './verify.ts';
import { versionCommand } from './version.ts';

const examples = `
Examples:
  berth                                     a wizard, to a proven host
  berth quickstart                          from nothing to a proven host
  berth validate profiles/single-node.yaml  is the profile right?
  berth plan profiles/single-node.yaml      what would change?
  berth apply profiles/single-node.yaml     change it, then prove it
  berth rollback profiles/single-node.yaml  back to how it was before

docs/profile.md describes profiles,
docs/cli.md the commands and exit codes.`;

/** Lines are as long as the terminal is wide, whatever they are in the source; what is indented stays as it stands. */
const reflowed = (text: string): string => text.replace(/(^|\n)(\S[^\n]*(?:\n\S[^\n]*)*)/g, joinedLines);

const joinedLines = (_all: string, before: string, paragraph: string): string =>
  `${before}${paragraph.replaceAll('\n', ' ')}`;

/** That an option is off unless it is given goes without saying. */
const optionDescription = (option: Option): string =>
  new Help().optionDescription(option).replace(/ \(default: (?:false|true)\)$/, '');

const layout = {
  showGlobalOptions: false,
  subcommandTerm: (command: Command) => command.name(),
  commandDescription: (command: Command) => reflowed(command.description()),
  optionDescription,
};

/** Every command; each tells its exit code through `setExitCode`. */
export const makeProgram = async (setExitCode: (code: number) => void): Promise<Command> => {
  const program = new Command('berth')
    .description(
      'Turns Linux machines into Kubernetes container hosts that crictl has proven, from one YAML profile.',
    )
    .version(await ownVersion(), '--version', 'print the version of berth')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    // What follows a verb of a verb belongs to the latter: hosts and hosts create both know --check.
    .enablePositionalOptions()
    .addHelpText('after', examples);
  const commands = [
    initCommand,
    validateCommand,
    schemaCommand,
    explainCommand,
    planCommand,
    applyCommand,
    driftCommand,
    verifyCommand,
    doctorCommand,
    rollbackCommand,
    resetCommand,
    kubernetesCommand,
    hostsCommand,
    sshCommand,
    lockCommand,
    bundleCommand,
    exportCommand,
    quickstartCommand,
    buildReleaseCommand,
    completionCommand,
    errorsCommand,
  ];
  for (const command of commands) program.addCommand(command(setExitCode));
  program.addCommand(versionCommand());
  program.addCommand(helpCommand());
  const nested = program.commands.flatMap(({ commands: below }) => below);
  for (const command of [program, ...program.commands, ...nested])
    command
      .exitOverride((error) => {
        throw usageFail(error, command) ?? error;
      })
      .configureHelp(layout)
      // They are told as all errors are.
      .configureOutput({ outputError: () => undefined });
  return program;
};
