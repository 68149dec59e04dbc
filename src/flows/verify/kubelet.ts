import { z } from 'zod';
import { criSocket } from '../../node/kubernetes.ts';
import type { Spec } from '../../profile/profile.ts';
import { unit } from './smoke.ts';
import { green, type Judge, red, type Verdict } from './verdict.ts';

const health: Judge = {
  title: 'is healthy',
  judge: ({ stdout }) => {
    const [status = ''] = stdout.split('\r\n');
    if (/^HTTP\/1\.\d 200\b/.test(status)) return green('healthz says ok');
    return red(
      status === '' ? 'healthz says nothing' : `healthz says ${status.replace(/^\S+ /, '')}`,
      'see why with: journalctl -u kubelet -n 50',
    );
  },
  remedy: 'nobody answers on 127.0.0.1:10248: see why with journalctl -u kubelet -n 50',
};

/** What `crictl runtime-config` prints: the name in CRI's enum. */
const driverOf = (text: string): string | undefined =>
  /^cgroup driver:\s*(SYSTEMD|CGROUPFS)$/m.exec(text)?.[1]?.toLowerCase();

const agreement = (stdout: string): Verdict => {
  const values = new Map(
    stdout.split('\n').flatMap((line) => {
      const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value] as const];
    }),
  );
  const driver = values.get('cgroupDriver') ?? '';
  const endpoint = values.get('containerRuntimeEndpoint') ?? '';
  const runtime = driverOf(stdout);
  if (runtime === undefined) return red('the runtime does not tell its cgroup driver');
  const remedy = 'look for a file of others in /etc/kubernetes/kubelet.conf.d and /etc/crio/crio.conf.d';
  if (driver !== runtime)
    return red(`the kubelet has cgroup driver ${driver || 'unset'}, the runtime ${runtime}`, remedy);
  if (endpoint !== criSocket)
    return red(`the kubelet asks ${endpoint || 'nobody'}, the runtime listens on ${criSocket}`, remedy);
  return green(`${driver}, ${endpoint}`);
};

const node = z.object({
  metadata: z.object({ name: z.string() }),
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string().default('') })),
    nodeInfo: z.object({ kubeletVersion: z.string(), containerRuntimeVersion: z.string() }),
  }),
});

const nodeReady = (wanted: string): Judge => ({
  title: 'is ready',
  judge: ({ stdout }) => {
    const parsed = node.safeParse(JSON.parse(stdout));
    if (!parsed.success) return red('the API server describes the node in an unknown form');
    const { metadata, status } = parsed.data;
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True') return red(`${metadata.name} is not ready: ${ready?.message ?? 'unknown'}`);
    const { kubeletVersion, containerRuntimeVersion } = status.nodeInfo;
    if (kubeletVersion !== `v${wanted}`)
      return red(
        `${metadata.name} runs kubelet ${kubeletVersion}, not v${wanted}`,
        'systemctl restart kubelet',
      );
    return green(`${metadata.name}, kubelet ${kubeletVersion}, ${containerRuntimeVersion}`);
  },
  remedy: 'the node cannot ask its API server: journalctl -u kubelet -n 50',
});

/** The checks of kubelet.sh, by its identifiers; none where the profile wants no kubelet. */
export const kubeletJudges = ({ kubernetes }: Spec): [string, Judge][] =>
  kubernetes === undefined
    ? []
    : [
        ['units.kubelet', unit('kubelet')],
        ['kubelet.health', health],
        [
          'kubelet.agrees',
          {
            title: 'agrees with the runtime',
            judge: ({ stdout }) => agreement(stdout),
            remedy: 'the runtime does not answer: journalctl -u berthd -n 50',
          },
        ],
        ['kubelet.node', nodeReady(kubernetes.version)],
      ];
