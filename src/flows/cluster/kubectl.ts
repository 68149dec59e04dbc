import { CommandFailed, Fail } from '../../core/fail.ts';
import { quote } from '../../host/quote.ts';
import type { Connection } from '../../host/transport/connection.ts';

/** Where the programs of Kubernetes may lie, whatever the host's shell looks into. */
const path =
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/opt/berth/bin; export PATH; ';

/** Kubeconfigs that kubeadm writes, for root alone: of the administrator on control planes, and of each node for itself. */
const kubeconfigs = { admin: '/etc/kubernetes/admin.conf', node: '/etc/kubernetes/kubelet.conf' } as const;

/** A host on which kubectl is run. */
export interface Place {
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

/** Runs a program of Kubernetes on the host. @throws CommandFailed with what it said; Fail `DeadlineExceeded` */
export async function runThere(
  { connection, signal }: Place,
  argv: readonly string[],
  deadlineSeconds: number,
): Promise<string> {
  const deadline = AbortSignal.timeout(deadlineSeconds * 1000);
  const command = `${path}exec ${argv.map(quote).join(' ')}`;
  try {
    const result = await connection.sh(command, { signal: AbortSignal.any([signal, deadline]) });
    if (result.exitCode === 0) return result.stdout;
    const said = (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1) ?? '';
    throw new CommandFailed(
      `${connection.host}: ${argv.slice(0, 2).join(' ')} failed: ${said}`,
      { argv, ...result },
      { context: { argv: argv.join(' ') } },
    );
  } catch (error) {
    if (!deadline.aborted || signal.aborted) throw error;
    throw new Fail(
      'DeadlineExceeded',
      `${connection.host}: ${argv.slice(0, 2).join(' ')} did not end within ${deadlineSeconds} s`,
      { cause: error },
    );
  }
}

/** The host has the administrator's kubeconfig: it is a control plane of some cluster. @throws as `runThere` */
export const isAdmin = async (place: Place): Promise<boolean> =>
  (await runThere(place, ['sh', '-c', '[ ! -e "$0" ] || echo yes', kubeconfigs.admin], 30)).trim() === 'yes';

export const kubectl = (
  place: Place,
  as: keyof typeof kubeconfigs,
  argv: readonly string[],
  deadlineSeconds = 60,
): Promise<string> => runThere(place, ['kubectl', '--kubeconfig', kubeconfigs[as], ...argv], deadlineSeconds);
