/** Every pod and container of a verification has this label; walk-through.sh removes by it. */
const labels = { 'berth.dev/verify': 'walk-through' };

/** CRI's NamespaceMode CONTAINER: each container has its own PID namespace, as the kubelet asks by default. */
const ownPids = { security_context: { namespace_options: { pid: 1 } } };

export interface PodForms {
  readonly pod: string;
  readonly container: string;
}

/** The configurations for crictl, each on one line; walk-through.sh puts its folder in place of `@WORK@`. */
export const podForms = (image: string, uid: string): PodForms => ({
  pod: JSON.stringify({
    metadata: { name: 'berth-verify', namespace: 'berth-verify', uid, attempt: 0 },
    hostname: 'berth-verify',
    log_directory: '@WORK@/logs',
    labels,
    linux: ownPids,
  }),
  container: JSON.stringify({
    metadata: { name: 'redis', attempt: 0 },
    image: { image },
    // The image's own start script would change users and folders; the server alone behaves the same in every image.
    command: ['redis-server'],
    args: ['--protected-mode', 'no', '--save', ''],
    log_path: 'redis.log',
    labels,
    linux: ownPids,
  }),
});
