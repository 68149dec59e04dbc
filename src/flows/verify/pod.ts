import { randomUUID } from 'node:crypto';

/** Every pod and container of a verification has this label; walk-through.sh removes by it. */
const labels = { 'berth.dev/verify': 'walk-through' };

/** CRI's NamespaceMode CONTAINER: each container has its own PID namespace, as the kubelet asks by default. */
const ownPids = { security_context: { namespace_options: { pid: 1 } } };

/** The port of redis; network.sh answers datagrams on it as well. */
const redisPort = 6379;

const pod = (name: string, uid: string, rest: Record<string, unknown> = {}) => ({
  metadata: { name: `berth-verify${name}`, namespace: 'berth-verify', uid: `${uid}${name}`, attempt: 0 },
  hostname: `berth-verify${name}`,
  log_directory: '@WORK@/logs',
  labels,
  linux: ownPids,
  ...rest,
});

const container = (name: string, image: string, rest: Record<string, unknown>) => ({
  metadata: { name, attempt: 0 },
  image: { image },
  log_path: `${name}.log`,
  labels,
  linux: ownPids,
  ...rest,
});

// The image's own start script would change users and folders; the server alone behaves the same in every image.
const redis = { command: ['redis-server'], args: ['--protected-mode', 'no', '--save', ''] };

const protocols = { tcp: 0, udp: 1 } as const;
const published = Object.values(protocols).map((protocol) => ({
  protocol,
  container_port: redisPort,
  // The script puts the port in place of it.
  host_port: '@HOST_PORT@',
}));

/** What the pod of the DNS checks asks for besides the servers, which are the host's own. */
export const dnsWanted = { searches: ['berth-verify.invalid'], options: ['ndots:2'] } as const;

/** A line to each stream, and one that a log must hold in parts; then it says again what it is told, to its end. */
const talkative = {
  command: [
    'sh',
    '-c',
    'echo out 1; echo err 1 >&2; printf "%020000d\\n" 1; while IFS= read -r line; do echo "got $line"; done',
  ],
  stdin: true,
  stdin_once: true,
};

/** As process 1 a sleep would not mind SIGTERM, and the pod would take its whole grace period to stop. */
const asleep = { command: ['sh', '-c', 'trap "exit 0" TERM; sleep 600 & wait'] };

const greeting = {
  command: ['sh', '-c', 'trap "exit 0" TERM; echo berth here; sleep 600 & wait'],
};

/** Bytes of memory that a container may use, which its cgroup must say, and that another is to exceed. */
export const memoryLimits = { limited: 64 * 2 ** 20, greedy: 32 * 2 ** 20 } as const;

const limitedTo = (bytes: number) => ({
  linux: { ...ownPids, resources: { memory_limit_in_bytes: bytes, memory_swap_limit_in_bytes: bytes } },
});

/** CRI's RuntimeDefault is 0. */
const confined = {
  linux: {
    security_context: { ...ownPids.security_context, seccomp: { profile_type: 0 }, no_new_privs: true },
  },
};

const counting = {
  command: ['sh', '-c', 'i=0; while :; do i=$((i + 1)); echo line $i; sleep 0.05 || sleep 1; done'],
};

/** tail keeps the last line, and there is only one. */
const greedy = { command: ['sh', '-c', 'busybox tail /dev/zero || tail /dev/zero'] };

/** The configurations for crictl, by the names that the scripts give their files. */
export const podForms = (image: string, uid: string): Readonly<Record<string, unknown>> => ({
  'pod.json': pod('', uid),
  'container.json': container('redis', image, redis),
  'server-pod.json': pod('-server', uid),
  'hostport-pod.json': pod('-server', uid, { port_mappings: published }),
  'server.json': container('server', image, redis),
  'client-pod.json': pod('-client', uid, { dns_config: { servers: ['@DNS@'], ...dnsWanted } }),
  'client.json': container('client', image, asleep),
  'streams-pod.json': pod('-streams', uid),
  'streams.json': container('streams', image, talkative),
  'handler-pod.json': pod('-handler', uid),
  'handler.json': container('handler', image, greeting),
  'full-pod.json': pod('-full', uid),
  'writer.json': container('writer', image, { ...counting, ...confined }),
  'limited.json': container('limited', image, { ...asleep, ...limitedTo(memoryLimits.limited) }),
  'greedy.json': container('greedy', image, { ...greedy, ...limitedTo(memoryLimits.greedy) }),
});

/** A pod that a reboot ends. */
export const rebootPod = () => ({ ...pod('-reboot', randomUUID()), log_directory: '/run/berth-verify' });
