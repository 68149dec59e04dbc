import { Command } from 'commander';
import { asFail } from '../core/as-fail.ts';
import { counted } from '../core/text.ts';
import { openFace } from '../faces/open-face.ts';
import { loadProfile } from '../profile/load-profile.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';

const validate = async (file: string, options: { readonly json: boolean }): Promise<number> => {
  const face = await openFace({ json: options.json, ci: true, verbose: false });
  try {
    const profile = await loadProfile(file);
    face.message(`${file}: valid, ${counted(profile.hosts.length, 'host')}`);
    face.end(exitCodes.done);
    return exitCodes.done;
  } catch (error) {
    const fail = asFail(error);
    face.failure(fail);
    face.end(exitCodeOf(fail));
    return exitCodeOf(fail);
  }
};

export const validateCommand = (setExitCode: (code: number) => void): Command =>
  new Command('validate')
    .summary('check a profile without touching any host')
    .description(
      'Reads a profile and lists every problem at once, as file:line:column. No host is contacted.',
    )
    .argument('<profile>', 'YAML file that describes the hosts')
    .option('--json', 'print one JSON object a line', false)
    .addHelpText('after', '\nExample:\n  berth validate profiles/single-node.yaml')
    .action(async (file: string, options: { readonly json: boolean }) =>
      setExitCode(await validate(file, options)),
    );
