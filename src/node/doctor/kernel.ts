import semver from 'semver';
import { fileAt } from '../../host/facts/files.ts';
import { normalSpace, sysctlPath } from '../../host/facts/kernel.ts';
import type { Facts } from '../../host/facts/probe.ts';
import type { FileSetting } from '../../host/facts/trouble.ts';
import type { Change } from '../../resources/change.ts';
import { setAside } from '../../resources/commented.ts';
import { unifiedDiff } from '../../resources/diff.ts';
import { type Cause, type Examined, inDepth, type Sign, sysctlOf } from './cause.ts';

export const swapOn: Cause = {
  code: 'BD003',
  name: 'swap-on',
  why: 'A kubelet refuses to start while the host swaps, unless failSwapOn is false; limits of memory mean little then.',
  beforeChanges: true,
  find: ({ spec, facts }) => {
    if (spec.swap === 'off' || facts.health.swaps.length === 0) return [];
    const areas = facts.health.swaps.map(({ path }) => path);
    const isZram = areas.some((path) => path.startsWith('/dev/zram'));
    return [
      {
        level: hasKubelet(facts) ? 'warning' : 'info',
        evidence: `the host swaps to ${areas.join(', ')}${isZram ? ' (zram: swapoff alone does not last)' : ''}`,
        remedy: 'Set spec.swap: off, which reset undoes; or configure the kubelet for swap.',
      },
    ];
  },
};

const hasKubelet = ({ units }: Facts): boolean => units.get('kubelet.service')?.loaded === true;

export const cgroupVersion: Cause = {
  code: 'BD010',
  name: 'cgroup-v1',
  why: 'A kubelet from 1.35 on refuses to start on cgroup v1 (failCgroupV1), and runtimes are about to drop it.',
  beforeChanges: true,
  find: ({ facts }) => {
    const { cgroup } = facts.system;
    if (cgroup === 'v2') return [];
    const version = semver.coerce(facts.trouble?.kubelet);
    const refuses = version !== null && semver.gte(version, '1.35.0');
    const level = refuses ? 'error' : hasKubelet(facts) ? 'warning' : 'info';
    return [
      {
        level,
        evidence: `the host has cgroup ${cgroup}${version === null ? '' : `, its kubelet is ${version.version}`}`,
        remedy:
          facts.system.container === ''
            ? 'Boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false in the configuration of the kubelet.'
            : 'Boot the machine around this host with cgroup v2, or set failCgroupV1: false in the configuration of the kubelet.',
      },
    ];
  },
};

export const controllerMissing: Cause = {
  code: 'BD011',
  name: 'cgroup-controller-missing',
  why: 'Limits of pods that need the controller are refused or have no effect.',
  beforeChanges: true,
  find: ({ facts }) =>
    ['cpu', 'cpuset', 'memory', 'pids']
      .filter((name) => !facts.health.controllers.has(name))
      .map((name) => ({
        level: 'error',
        evidence: `the cgroup controller ${name} is not available`,
        remedy:
          name === 'memory'
            ? 'Boot with cgroup_enable=memory; in a container, let the machine around it delegate the controller.'
            : 'Look at the kernel command line (cgroup_disable) and at the configuration of the kernel.',
      })),
};

export const moduleMissing: Cause = {
  code: 'BD012',
  name: 'module-missing',
  why: 'Layers of images need overlay, and the addresses of services need br_netfilter.',
  find: ({ spec, facts }) =>
    spec.kernel.modules
      .filter((name) => facts.kernel.modules.get(name) === 'missing')
      .map((name) => ({
        level: 'error',
        evidence: `kernel ${facts.system.kernel} has no module ${name}`,
        remedy:
          facts.packages.manager === 'dnf'
            ? `Install kernel-modules-${facts.system.kernel}, or boot a kernel that has it.`
            : `Install linux-modules-extra-${facts.system.kernel}, or boot a kernel that has it.`,
      })),
};

export const moduleNotAtBoot: Cause = {
  code: 'BD013',
  name: 'module-after-sysctl',
  why: 'At boot the keys are set before the module brings them: after the next reboot bridged packets pass the firewall unseen.',
  find: inDepth(({ sysctlSettings, bootModules }, { facts }) => {
    const bridged = sysctlSettings.filter(({ key }) => key.startsWith('net.bridge.'));
    if (bridged.length === 0 || !facts.kernel.hasModuleTree) return [];
    if (bootModules.has('br_netfilter') || bootModules.has('br-netfilter')) return [];
    return [
      {
        level: 'warning',
        evidence: `${bridged[0]?.file} sets ${bridged[0]?.key}, and no file of modules-load.d names br_netfilter`,
        remedy: 'Run berth apply: it names the module in /etc/modules-load.d/berth.conf.',
      },
    ];
  }),
};

/** sysctl.d(5): the file that sorts last by its own name wins, whatever its folder; /etc/sysctl.conf comes last of all. */
function winnerOf(settings: readonly FileSetting[]): FileSetting | undefined {
  const rank = ({ file }: FileSetting): string =>
    file === '/etc/sysctl.conf' ? '\uffff' : (file.split('/').at(-1) ?? file);
  return settings.reduce<FileSetting | undefined>(
    (best, setting) => (best === undefined || rank(setting) >= rank(best) ? setting : best),
    undefined,
  );
}

export const sysctlOverridden: Cause = {
  code: 'BD014',
  name: 'sysctl-overridden',
  why: 'At the next boot the later file wins, and the node is no longer what the profile says.',
  find: inDepth(({ sysctlSettings }, { spec, facts }) =>
    Object.entries(spec.kernel.sysctls).flatMap(([name, value]): Sign[] => {
      const key = name.includes('/') && !name.includes('.') ? name.replaceAll('/', '.') : name;
      const winner = winnerOf(sysctlSettings.filter((setting) => setting.key === key));
      const wanted = normalSpace(value);
      if (winner === undefined || winner.value === wanted || facts.install.applied.has(winner.file))
        return [];
      const fix = setAsideSetting(winner, key, wanted, facts);
      return [
        {
          level: 'warning',
          evidence: `${winner.file} sets ${key} to ${winner.value}, the profile says ${wanted}`,
          remedy: `Remove the line from ${winner.file}, or write its value into spec.kernel.sysctls.`,
          ...(fix === undefined ? {} : { fix }),
        },
      ];
    }),
  ),
};

/** Only in files that an administrator may write; those of packages come back with the next update. */
function setAsideSetting(
  { file }: FileSetting,
  key: string,
  wanted: string,
  facts: Facts,
): readonly Change[] | undefined {
  const now = fileAt(facts.files, file);
  if (now.kind !== 'file' || now.text === undefined) return undefined;
  const sets = (line: string): boolean =>
    normalSpace(line.split('=')[0] ?? '')
      .replace(/^-/, '')
      .replaceAll('/', '.') === key;
  const text = setAside(now.text, sets);
  const live = facts.kernel.sysctls.get(key);
  return [
    {
      id: `file:${file}`,
      action: 'update',
      summary: `set the line of ${file} aside that sets ${key}`,
      diff: unifiedDiff(file, now.text, text),
      origins: [
        { kind: 'fix', name: file },
        { kind: 'lines', name: file },
      ],
      steps: [{ kind: 'write', path: file, content: { kind: 'text', text }, mode: now.mode }],
    },
    ...(live?.value === undefined || live.value === wanted || !live.writable
      ? []
      : [
          {
            id: `sysctl:${key}`,
            action: 'set' as const,
            summary: `set ${key} to ${wanted} (was ${live.value})`,
            origins: [{ kind: 'sysctl' as const, key, value: live.value }],
            steps: [
              {
                kind: 'run' as const,
                argv: ['sh', '-c', 'printf "%s\\n" "$1" > "$2"', 'sh', wanted, sysctlPath(key)],
                deadlineSeconds: 10,
              },
            ],
          },
        ]),
  ];
}

/** From which kernel on a feature is there; the names are those of kernel releases. */
const features = [
  { since: '5.3.0', level: 'error', what: 'pidfds, by which berth knows containers (pidfd_open)' },
  { since: '5.11.0', level: 'info', what: 'overlay mounts in user namespaces' },
  { since: '5.19.0', level: 'info', what: 'idmapped mounts of overlay, for pods with user namespaces' },
  { since: '6.15.0', level: 'info', what: 'exit codes of containers that ended while berth-shim was down' },
] as const;

export const oldKernel: Cause = {
  code: 'BD015',
  name: 'old-kernel',
  why: 'The kernel lacks what the runtime uses.',
  beforeChanges: true,
  find: ({ facts }) => {
    const version = semver.coerce(facts.system.kernel);
    if (version === null) return [];
    return features
      .filter(({ since }) => semver.lt(version, since))
      .map(({ since, level, what }) => ({
        level,
        evidence: `kernel ${facts.system.kernel} is older than ${since.replace(/\.0$/, '')}: no ${what}`,
        remedy:
          level === 'error'
            ? 'Boot a newer kernel.'
            : 'Nothing, unless you need it: then boot a newer kernel.',
      }));
  },
};

export const inotifyLow: Cause = {
  code: 'BD021',
  name: 'inotify-low',
  why: 'Log readers and controllers in pods fail with "too many open files".',
  find: ({ facts }) => {
    const limits = [
      ['fs.inotify.max_user_instances', 512],
      ['fs.inotify.max_user_watches', 65536],
    ] as const;
    return limits.flatMap(([key, least]): Sign[] => {
      const now = sysctlOf(facts, key);
      if (now === undefined || now >= least) return [];
      const settable = facts.kernel.sysctls.get(key)?.writable === true;
      return [
        {
          level: settable ? 'warning' : 'info',
          evidence: `${key} is ${now}`,
          remedy: settable
            ? 'Run berth apply: it raises the limit.'
            : 'Raise it on the machine around this host.',
        },
      ];
    });
  },
};

export const noUserNamespaces: Cause = {
  code: 'BD027',
  name: 'user-namespaces-off',
  why: 'Pods that ask for a user namespace of their own (hostUsers: false) do not start.',
  find: ({ facts }: Examined) => {
    const off = [
      ['user.max_user_namespaces', 0],
      ['kernel.unprivileged_userns_clone', 0],
    ] as const;
    return off
      .filter(([key, value]) => sysctlOf(facts, key) === value)
      .map(([key, value]) => ({
        level: 'info',
        evidence: `${key} is ${value}`,
        remedy: `If pods need user namespaces, set ${key} in spec.kernel.sysctls.`,
      }));
  },
};
