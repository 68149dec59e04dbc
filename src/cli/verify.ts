import { Command, InvalidArgumentError, Option } from 'commander';
import { Fail } from '../core/fail.ts';
import type { Face } from '../faces/face.ts';
import type { HostEntry, VerifyLevel } from '../profile/profile.ts';
import { exitCodes } from './exit-codes.ts';
import { type ReportOptions, type RunOptions, withJunitOption, withRunOptions } from './options.ts';

interface VerifyOptions extends RunOptions, ReportOptions {
  readonly level?: VerifyLevel;
  readonly reboot: boolean;
  readonly yes: boolean;
}

const levels: readonly VerifyLevel[] = ['smoke', 'node', 'full'];

const level = (text: string): VerifyLevel => {
  const found = levels.find((one) => one === text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`It must be one of ${levels.join(', ')}.`);
};

const atLevel = (host: HostEntry, wanted: VerifyLevel): HostEntry => ({
  ...host,
  spec: { ...host.spec, verify: { ...host.spec.verify, level: wanted } },
});

/**
 * Whether the hosts may be rebooted now.
 * @throws Fail `BadUsage` for this machine, and when nobody can be asked
 */
const mayReboot = async (
  hosts: readonly HostEntry[],
  options: VerifyOptions,
  face: Face,
  signal: AbortSignal,
): Promise<boolean> => {
  const own = hosts.find(({ address }) => address.kind === 'local');
  if (own !== undefined)
    throw new Fail('BadUsage', `--reboot would reboot this machine: ${own.name} is local`, {
      hint: 'choose other hosts with --hosts, or verify this one from another machine over ssh',
    });
  if (options.yes) return true;
  const { askYesNo, canAsk } = await import('./ask.ts');
  if (!canAsk() || options.ci || options.json)
    throw new Fail('BadUsage', 'there is no terminal to ask on before hosts are rebooted', {
      hint: 'add --yes',
    });
  const names = hosts.map(({ name }) => name).join(', ');
  return await face.suspend(() => askYesNo(`Reboot ${names}, ending all pods there?`, signal));
};

const verify = async (file: string, options: VerifyOptions): Promise<number> => {
  const [{ runOnHosts }, { prove }, { withJunit }] = await Promise.all([
    import('./run-command.ts'),
    import('./prove.ts'),
    import('./junit-report.ts'),
  ]);
  const { level: wanted } = options;
  return await runOnHosts(
    file,
    options,
    withJunit(options.junit, 'berth verify', async (context, face) => {
      const { reboot } = options;
      if (reboot && !(await mayReboot(context.hosts, options, face, context.signal))) {
        face.message('Nothing was rebooted, and nothing verified.');
        return exitCodes.changesPending;
      }
      const hosts = wanted === undefined ? context.hosts : context.hosts.map((host) => atLevel(host, wanted));
      return await prove({ ...context, hosts }, face, { reboot });
    }),
  );
};

export const verifyCommand = (setExitCode: (code: number) => void): Command =>
  withJunitOption(withRunOptions(new Command('verify')), 'the checks')
    .addOption(
      new Option('--level <level>', 'in place of spec.verify.level').choices(levels).argParser(level),
    )
    .option('--reboot', 'also reboot each host, and look what has survived', false)
    .option('-y, --yes', 'do not ask before hosts are rebooted', false)
    .summary('prove the hosts with crictl')
    .description(
      'Proves each host, by the level of spec.verify.level or --level:\n' +
        '  smoke  services, socket, versions, the configuration as rendered\n' +
        '         and running\n' +
        '  node   also pods as workloads use them: the life of a redis pod with\n' +
        '         the real crictl, addresses, DNS, host ports, the way out, exec,\n' +
        '         attach, port-forward, logs\n' +
        '  full   also restarts of the daemons under a running container, limits,\n' +
        '         confinement, and a part of critest\n' +
        'What it starts it takes away again. Exits with 18 when a check is red.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth verify profiles/single-node.yaml --stats\n' +
        '  berth verify fleet.yaml --level smoke --parallel 100\n' +
        '  berth verify fleet.yaml --hosts node-1 --reboot --yes\n' +
        '  berth verify fleet.yaml --level full --junit report.xml --ci',
    )
    .action(async (file: string, options: VerifyOptions) => setExitCode(await verify(file, options)));
