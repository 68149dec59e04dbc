/** A spec of critest that a node must pass: its whole name, as ginkgo reports it, after `[k8s.io] `. */
export interface CritestSpec {
  /** Last part of the identifier of its check. */
  readonly id: string;
  readonly name: string;
}

const conformance = (names: Readonly<Record<string, string>>, before: string): CritestSpec[] =>
  Object.entries(names).map(([id, name]) => ({ id, name: `${before} ${name} [Conformance]` }));

const specs = (names: Readonly<Record<string, string>>, before: string): CritestSpec[] =>
  Object.entries(names).map(([id, name]) => ({ id, name: `${before} ${name}` }));

/**
 * The part of critest that level full runs, of cri-tools 1.37. A spec is in it when a kubelet depends on what it asks, and
 * it needs no other image than one with busybox, which every node of ours can pull, and no second tool on the host. What
 * is left out:
 * - images, which are critest's own and come from the internet; benchmarks;
 * - AppArmor, NRI, user namespaces, metrics: features that a node may do without;
 * - web servers and what runs in their image: `network.*` and `hostport.*` ask the same;
 * - MaskedPaths, HostIpc, execSync with timeout: they need a busybox whose programs are files of their own, with ipcs and
 *   pgrep, which neither Debian's nor Alpine's is;
 * - sysctls, and no seccomp at all: a host that is itself a container has a read-only /proc/sys and a filter already.
 */
export const critestSpecs: readonly CritestSpec[] = [
  // A kubelet repeats every call until it is answered: a second one must not fail.
  ...specs(
    {
      'remove-container-twice': 'RemoveContainer should not return an error if not found',
      'stop-container-twice': 'StopContainer should not return an error if already stopped',
      'stop-container-gone': 'StopContainer should not return an error if not found',
      'remove-pod-twice': 'RemovePodSandbox should not return an error if not found',
      'stop-pod-twice': 'StopPodSandbox should not return an error if already stopped',
      'stop-pod-gone': 'StopPodSandbox should not return an error if not found',
      'remove-image-twice': 'RemoveImage should not return an error if not found',
    },
    'Idempotence',
  ),
  // The node is not Ready without these two answers.
  ...conformance(
    { version: 'version info', conditions: 'runtime conditions' },
    'Runtime info runtime should support returning runtime info runtime should return',
  ),
  // The life of a pod.
  ...conformance(
    {
      'pod-run': 'running PodSandbox',
      'pod-stop': 'stopping PodSandbox',
      'pod-remove': 'removing PodSandbox',
      'pod-attributes': 'preserving PodSandbox attributes',
    },
    'PodSandbox runtime should support basic operations on PodSandbox runtime should support',
  ),
  // The life of a container, and the answers that the kubelet's garbage collection and probes rest on.
  ...conformance(
    {
      'container-create': 'creating container',
      'container-start': 'starting container',
      'container-stop': 'stopping container',
      'container-remove-created': 'removing created container',
      'container-remove-running': 'removing running container',
      'container-remove-stopped': 'removing stopped container',
      'container-attributes': 'preserving container attributes',
      'exec-sync': 'execSync',
    },
    'Container runtime should support basic operations on container runtime should support',
  ),
  // What eviction and autoscaling go by.
  ...conformance(
    {
      'stats-container': 'listing container stats',
      'stats-started': 'listing stats for started containers',
      'stats-all': 'listing stats for started containers when filter is nil',
      'stats-three': 'listing stats for three created containers when filter is nil.',
      'stats-labels': 'listing stats for containers filtered by labels',
    },
    'Container runtime should support basic operations on container runtime should support',
  ),
  // Every volume is a mount of these kinds in the end.
  ...conformance(
    {
      volume: 'starting container with volume',
      'volume-symlink': 'starting container with volume when host path is a symlink',
    },
    'Container runtime should support adding volume and device runtime should support',
  ),
  ...specs(
    { 'mount-readonly': 'support non-recursive readonly mounts' },
    'Container Mount Readonly runtime should support readonly mounts should',
  ),
  // kubectl logs, and its rotation.
  ...conformance(
    { log: 'starting container with log', 'log-reopen': 'reopening container log' },
    'Container runtime should support log runtime should support',
  ),
  // A workload learns from the reason why it died.
  ...specs(
    { oom: 'should terminate with exitCode 137 and reason OOMKilled' },
    'Container OOM runtime should output OOMKilled reason',
  ),
  // What a pod knows of its network.
  ...conformance(
    { 'dns-config': 'support DNS config', hostname: 'support set hostname' },
    'Networking runtime should support networking runtime should',
  ),
  // kubectl exec and attach.
  ...conformance(
    {
      'exec-plain': 'exec with tty=false and stdin=false',
      'exec-tty': 'exec with tty=true and stdin=true',
      attach: 'attach',
    },
    'Streaming runtime should support streaming interfaces runtime should support',
  ),
  // Confinement, as pod security standards ask for it.
  ...specs(
    {
      'run-as-user': 'support RunAsUser',
      'run-as-user-name': 'support RunAsUserName',
      'run-as-group': 'support RunAsGroup',
      'run-as-group-alone': 'return error if RunAsGroup is set without RunAsUser',
      'supplemental-groups': 'support SupplementalGroups',
      'root-writable': 'support that ReadOnlyRootfs is false',
      'root-readonly': 'support that ReadOnlyRootfs is true',
      privileged: 'support Privileged is true',
      unprivileged: 'support Privileged is false',
      'capability-add': 'support adding capability',
      'capability-drop': 'support dropping capability',
      'capabilities-add-all': 'support adding ALL capabilities',
      'capabilities-drop-all': 'support dropping ALL capabilities',
      'readonly-paths': 'support ReadonlyPaths',
    },
    'Security Context bucket runtime should',
  ),
  ...specs(
    {
      'seccomp-default': 'should support seccomp default on the container',
      'seccomp-localhost': 'should support seccomp localhost profile on the container',
    },
    'Security Context SeccompProfilePath',
  ),
];
