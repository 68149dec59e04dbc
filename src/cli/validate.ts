import { Command } from 'commander';
import { asFail } from '../core/as-fail.ts';
import { counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { additionsOf, type ProfileOptions, withProfileOptions } from './options.ts';

const validateOne = async (file: string, face: Face, options: ProfileOptions): Promise<number> => {
  const { loadProfile } = await import('../profile/load-profile.ts');
  try {
    const profile = await loadProfile(file, additionsOf(options));
    face.message(`${file}: valid, ${counted(profile.hosts.length, 'host')}`);
    return exitCodes.done;
  } catch (error) {
    const fail = asFail(error);
    face.failure(fail);
    return exitCodeOf(fail);
  }
};

interface ValidateOptions extends ProfileOptions {
  readonly json: boolean;
}

const validate = async (files: readonly string[], options: ValidateOptions): Promise<number> => {
  const { openFace } = await import('../faces/open-face.ts');
  const face = await openFace({ json: options.json, ci: true, verbose: false });
  let exitCode: number = exitCodes.done;
  // One after the other: the answers come in the order of the arguments.
  for (const file of files) exitCode = (await validateOne(file, face, options)) || exitCode;
  face.end(exitCode);
  return exitCode;
};

export const validateCommand = (setExitCode: (code: number) => void): Command =>
  withProfileOptions(new Command('validate'))
    .summary('check profiles without touching any host')
    .description('Reads profiles and lists every problem at once, as file:line:column. No host is contacted.')
    .argument('<profile...>', 'YAML files that describe hosts')
    .option('--json', 'print one JSON object a line', false)
    .addHelpText(
      'after',
      '\nExamples:\n  berth validate profiles/single-node.yaml\n  berth validate fleet.yaml --overlay production.yaml --set region=eu',
    )
    .action(async (files: string[], options: ValidateOptions) => setExitCode(await validate(files, options)));
