import { Command } from 'commander';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type ChangeOptions, type RunOptions, withChangeOptions, withRunOptions } from './options.ts';

const grow = async (context: FlowContext, face: Face, options: ChangeOptions): Promise<number> => {
  requireConsentPossible(options);
  const { clusterUp } = await import('../flows/cluster/up.ts');
  const { plan, applied, failures, notBegun } = await clusterUp(context, {
    confirm: (made) => consent(made, 'Make these hosts one cluster?', options, face, context.signal),
  });
  const failed = exitCodeOfFailures(failures, context.hosts.length, face, notBegun);
  const pending = plan.hosts.length > 0;
  if (failed || options.check) return failed || (pending ? exitCodes.changesPending : exitCodes.done);
  if (pending && !applied) {
    face.message('Nothing was changed.');
    return exitCodes.changesPending;
  }
  const nodes = plan.hosts.map(({ host }) => host).join(', ');
  face.message(
    pending ? `Done: ${nodes}: ready in the cluster.` : 'Nothing to do: all hosts are nodes of the cluster.',
  );
  return exitCodes.done;
};

const up = (setExitCode: (code: number) => void): Command =>
  withChangeOptions(new Command('up'))
    .summary('make the hosts one cluster, with kubeadm')
    .description(
      'Makes the cluster on the first host with the role control-plane (kubeadm init), lets the other control planes\n' +
        'join one after the other, then the workers, and waits until each node is ready. Hosts that are nodes already\n' +
        'are left alone: running it again finishes what an interrupted run left. The hosts must have been prepared by\n' +
        'berth apply. Tokens are made for the run, and are in no command line and no log.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth kubernetes up fleet.yaml\n  berth kubernetes up fleet.yaml --check      who would become what?',
    )
    .action(async (file: string, options: ChangeOptions) => {
      const { runOnHosts } = await import('./run-command.ts');
      setExitCode(await runOnHosts(file, options, (context, face) => grow(context, face, options)));
    });

/** Prints what another way to a cluster is told, for each host. */
const printing = (
  name: 'minikube' | 'local-up-cluster',
  setExitCode: (code: number) => void,
  words: { readonly summary: string; readonly description: string },
): Command =>
  withRunOptions(new Command(name))
    .summary(words.summary)
    .description(words.description)
    .addHelpText('after', `\nExample:\n  berth kubernetes ${name} profiles/single-node.yaml`)
    .action(async (file: string, options: RunOptions) => {
      const { runOnHosts } = await import('./run-command.ts');
      setExitCode(
        await runOnHosts(file, options, async (context, face) => {
          const { otherCluster } = await import('../flows/cluster/others.ts');
          const { texts, failures } = await otherCluster(context, name);
          for (const text of texts) face.message(text);
          return exitCodeOfFailures(failures, context.hosts.length, face);
        }),
      );
    });

export const kubernetesCommand = (setExitCode: (code: number) => void): Command =>
  new Command('kubernetes')
    .summary('make a cluster of the hosts of a profile')
    .description(
      'Makes one cluster of the hosts of a profile with kubeadm, or tells what minikube and local-up-cluster.sh need to\n' +
        "use the hosts' container runtime.",
    )
    .addHelpText('after', '\nExample:\n  berth apply fleet.yaml && berth kubernetes up fleet.yaml')
    .addCommand(up(setExitCode))
    .addCommand(
      printing('minikube', setExitCode, {
        summary: 'print the command by which minikube uses the hosts',
        description:
          "Prints, for each host, what must be typed for minikube to make its cluster on the host with the host's own\n" +
          'container runtime: --driver=none on the host itself, --driver=ssh from elsewhere. Changes nothing.',
      }),
    )
    .addCommand(
      printing('local-up-cluster', setExitCode, {
        summary: "print the environment by which Kubernetes' hack/local-up-cluster.sh uses the hosts",
        description:
          "Prints, for each host, the environment in which hack/local-up-cluster.sh of Kubernetes' source runs on the\n" +
          "host with the host's own container runtime. Changes nothing.",
      }),
    );
