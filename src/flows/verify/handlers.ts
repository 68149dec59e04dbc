import type { OciRuntime, Spec } from '../../profile/profile.ts';
import { done, green, type Judge, red } from './verdict.ts';

/** What each runtime is known to lack where it does not run. */
const remedies: Readonly<Record<OciRuntime['name'], string>> = {
  runc: 'the OCI runtime said no: the evidence has its words',
  crun: 'the OCI runtime said no: the evidence has its words; "unknown version specified" is a crun that is older than what the engine writes: take a release of it',
  runsc:
    'name what gVisor lacks in spec.ociRuntimes: args: [--platform=ptrace] where the machine is virtual itself, --network=host for the release of 2022 that Debian has, which takes each network of Linux 6 for that of the host',
  kata: 'Kata needs /dev/kvm and its modules vhost_vsock and vhost_net: kata-runtime check says what is missing',
  'bwrap-oci': 'bubblewrap needs the user namespaces of the kernel: sysctl user.max_user_namespaces',
};

/** The kernel that a program in the pod saw, and how its container ended. */
const ran: Judge['judge'] = ({ stdout }) => {
  const kernel = /^kernel (\S+)/m.exec(stdout)?.[1];
  const [state, exitCode] = stdout.trim().split('\n').at(-1)?.split(' ') ?? [];
  if (kernel === undefined) return red(`no answer from inside: ${stdout.trim().slice(0, 60)}`);
  if (state !== 'CONTAINER_EXITED') return red(`after its stop it is ${state}`);
  return green(`ran on ${kernel}, ended with ${exitCode}`);
};

/** The checks of handlers.sh: the default handler is that of the walk-through. */
export const handlerJudges = ({ ociRuntimes }: Spec): ReadonlyMap<string, Judge> =>
  new Map<string, Judge>([
    ...ociRuntimes
      .slice(1)
      .map(
        ({ name }) =>
          [`handler.${name}`, { title: 'a pod runs by it', judge: ran, remedy: remedies[name] }] as const,
      ),
    ['handler.clean-up', done('its pod is taken away', 'taken away', 'crictl pods; crictl rmp --force POD')],
  ]);
