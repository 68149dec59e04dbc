import { Command } from 'commander';
import { Fail } from '../core/fail.ts';
import { exitCodes } from './exit-codes.ts';
import { type ProfileOptions, type RunOptions, withProfileOptions } from './options.ts';

interface ExplainOptions extends ProfileOptions {
  readonly host?: string;
  readonly offline: boolean;
  readonly json: boolean;
}

const runOptions = ({ host, json, ...rest }: ExplainOptions): RunOptions => ({
  ...rest,
  ...(host === undefined ? {} : { hosts: [host] }),
  json,
  parallel: 1,
  stats: false,
  ci: true,
  verbose: false,
});

const explain = async (file: string, text: string, options: ExplainOptions): Promise<number> => {
  const [{ runOnHosts }, { explainValue }, { parsePath }] = await Promise.all([
    import('./run-command.ts'),
    import('../flows/explain.ts'),
    import('../profile/value-path.ts'),
  ]);
  return await runOnHosts(file, runOptions(options), async (context, face) => {
    const path = parsePath(text);
    const [host, ...others] = context.hosts;
    if (host === undefined || others.length > 0)
      throw new Fail('BadUsage', `say for which of ${context.hosts.length} hosts: the value may differ`, {
        hint: `add --host ${host?.name ?? 'NAME'}`,
      });
    face.explanation(await explainValue(context, host, path, options));
    return exitCodes.done;
  });
};

export const explainCommand = (setExitCode: (code: number) => void): Command =>
  withProfileOptions(new Command('explain'))
    .summary('tell where a value comes from and what becomes of it')
    .description(
      'Tells which line of which file of the profile says a value and what it won over, the files and lines on the\n' +
        'host that follow from it, and what counts there, files that others put beside those of berth included.',
    )
    .argument('<profile>', 'YAML file that describes the hosts')
    .argument('<path>', 'the value, as in spec.cni.networks[0].subnets')
    .option('--host <name>', 'the host; needed where the profile has several')
    .option('--offline', 'ask no host', false)
    .option('--json', 'print one JSON object a line', false)
    .addHelpText(
      'after',
      '\nExamples:\n  berth explain profiles/single-node.yaml spec.cni.networks[0].subnets\n' +
        '  berth explain fleet.yaml spec.kernel.sysctls.fs.file-max --host node-1\n' +
        '  berth explain fleet.yaml spec.registries --host node-1 --offline --json',
    )
    .action(async (file: string, path: string, options: ExplainOptions) =>
      setExitCode(await explain(file, path, options)),
    );
