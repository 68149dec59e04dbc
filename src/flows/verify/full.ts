import { z } from 'zod';
import type { Spec } from '../../profile/profile.ts';
import { engineOf } from './engine.ts';
import { memoryLimits } from './pod.ts';
import { done, green, type Judge, red } from './verdict.ts';

const journal = 'see what happened with: journalctl -u berthd -u berth-shim -n 100';

/** `ID PID STARTED STATE`, before the restarts and after. */
const sameContainer: Judge = {
  title: 'it is the same one',
  judge: ({ stdout }) => {
    const [before = '', after = ''] = stdout.trim().split('\n');
    const [, pid] = before.split(' ');
    if (before !== '' && before === after) return green(`process ${pid} runs`);
    return red(`before: ${before}; after: ${after}`, journal);
  },
  remedy: journal,
};

const logGoesOn: Judge = {
  title: 'no line is lost or doubled',
  judge: ({ stdout }) => green(stdout.trim().split('\n').at(0) ?? ''),
  remedy: journal,
};

const memoryLimit: Judge = {
  title: 'memory limit is set',
  judge: ({ stdout }) => {
    const seen = stdout.trim();
    return seen === String(memoryLimits.limited)
      ? green(`${memoryLimits.limited / 2 ** 20} MiB in its cgroup`)
      : red(`the cgroup says ${seen}, not ${memoryLimits.limited}`);
  },
  remedy:
    'are the cgroup of the container and the memory controller where the host has them? mount | grep cgroup',
};

const oomKill: Judge = {
  title: 'an OOM kill is told',
  judge: ({ stdout }) => {
    const [state, exitCode, reason] = stdout.trim().split(' ');
    if (reason === 'OOMKilled') return green(`${reason}, exit code ${exitCode}`);
    return red(`${state}, exit code ${exitCode}, reason ${reason}`);
  },
  remedy: 'the kernel did not end a process over its limit: is swap accounted for (memory.swap.max)?',
};

const field = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1];

/** Of proc_pid_status(5): 2 is a filter. */
const confined: Judge = {
  title: 'seccomp, no new privileges',
  judge: ({ stdout }) => {
    const seccomp = field(stdout, 'Seccomp');
    if (seccomp === undefined)
      return red('the kernel knows no seccomp', 'use a kernel with CONFIG_SECCOMP_FILTER');
    if (seccomp !== '2')
      return red(`no seccomp filter (mode ${seccomp})`, 'is the OCI runtime built with seccomp?');
    const noNewPrivileges = field(stdout, 'NoNewPrivs');
    return noNewPrivileges === '1' ? green('a filter, and on') : red(`NoNewPrivs is ${noNewPrivileges}`);
  },
};

/** Numbers of capabilities(7) that a runtime's default list may have, by linux/capability.h. */
const capabilityNames = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE',
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN',
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE',
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE',
]
  .join(' ')
  .split(' ');

const namesIn = (mask: string): string[] => {
  const bits = BigInt(`0x${mask}`);
  return capabilityNames.filter((_, index) => ((bits >> BigInt(index)) & 1n) === 1n);
};

const defaults = z.object({ config: z.object({ defaultCapabilities: z.array(z.string()) }) });

/** The status of a process, and `crictl info` in one line after it. */
const capabilities: Judge = {
  title: 'only default capabilities',
  judge: ({ stdout }) => {
    const start = stdout.indexOf('{');
    const info = defaults.safeParse(JSON.parse(stdout.slice(start)));
    if (!info.success) return red('crictl info does not tell the default capabilities');
    const wanted = info.data.config.defaultCapabilities.map((name) => name.replace(/^CAP_/, '')).toSorted();
    const seen = namesIn(field(stdout, 'CapBnd') ?? '0').toSorted();
    if (wanted.join() === seen.join()) return green(`${seen.length} of them`);
    const more = seen.filter((name) => !wanted.includes(name));
    const fewer = wanted.filter((name) => !seen.includes(name));
    return red(`besides: ${more.join(', ') || 'none'}; missing: ${fewer.join(', ') || 'none'}`);
  },
};

/** The checks of full.sh, by its identifiers. */
export const fullJudges = (spec: Pick<Spec, 'engine'>): ReadonlyMap<string, Judge> =>
  new Map<string, Judge>([
    ['restart.pod', done('a pod starts', 'started', journal)],
    ['security.process', confined],
    ['security.capabilities', capabilities],
    ['limits.memory', memoryLimit],
    ['limits.oom', oomKill],
    ['restart.before', done('a container runs', 'running')],
    ...engineOf(spec).units.map(
      (unit) => [`restart.${unit}`, done(`${unit} is restarted`, 'restarted, and answers', journal)] as const,
    ),
    ['restart.container', sameContainer],
    ['restart.exec', done('a program runs in it', 'it answers', journal)],
    ['restart.log', logGoesOn],
    ['restart.clean-up', done('the pod is taken away', 'taken away', 'crictl pods; crictl rmp --force POD')],
    ['restart.rest', done('the rest of level full', 'checked')],
  ]);
