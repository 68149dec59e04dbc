import { CLOCK, FILES, IDENTITY, IPC, LEGACY_32_BIT, MEMORY, PROCESS, SIGNALS, SOCKETS } from './allowed.ts';
import type { SeccompProfile, SeccompRule } from './profile.ts';

const ALLOW = 'SCMP_ACT_ALLOW';
const ERRNO = 'SCMP_ACT_ERRNO';
const EPERM = 1;
const ENOSYS = 38;

/** linux/sched.h: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACE_FLAGS = 0x7e02_0000;
/** linux/socket.h: sockets to the hypervisor and sibling machines, which no network namespace confines. */
const AF_VSOCK = 40;
/** linux/personality.h: PER_LINUX, UNAME26, both with PER_LINUX32, and the question what it is now. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const allow = (names: readonly string[], rule: Partial<SeccompRule> = {}): SeccompRule => ({
  names,
  action: ALLOW,
  ...rule,
});
const withCapability = (capability: string, names: readonly string[]): SeccompRule =>
  allow(names, { includes: { caps: [capability] } });

/**
 * The profile behind RuntimeDefault: what is not listed fails with EPERM.
 *
 * Left out on purpose, capability or not: kexec_load, kexec_file_load (another kernel), swapon, swapoff,
 * nfsservctl, uselib, ustat, sysfs, _sysctl, create_module, get_kernel_syms, query_module (obsolete),
 * add_key, keyctl, request_key (keyrings know no namespace), userfaultfd (widens kernel races),
 * io_uring_* (its operations pass seccomp by), vm86, vm86old, lookup_dcookie.
 * What a capability guards anyway is allowed with that capability alone, so that the kernel's check has company.
 */
export const RUNTIME_DEFAULT: SeccompProfile = {
  defaultAction: ERRNO,
  defaultErrnoRet: EPERM,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
  ],
  syscalls: [
    allow([
      ...FILES,
      ...MEMORY,
      ...PROCESS,
      ...SIGNALS,
      ...CLOCK,
      ...IDENTITY,
      ...IPC,
      ...SOCKETS,
      ...LEGACY_32_BIT,
    ]),
    allow(['socket'], { args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }] }),
    ...PERSONALITIES.map((value) =>
      allow(['personality'], { args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] }),
    ),

    // Threads and processes, but no new namespaces.
    allow(['clone'], {
      args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      excludes: { caps: ['CAP_SYS_ADMIN'] },
    }),
    // clone3 has its flags in memory, where seccomp cannot look: ENOSYS makes libc fall back to clone.
    { names: ['clone3'], action: ERRNO, errnoRet: ENOSYS, excludes: { caps: ['CAP_SYS_ADMIN'] } },

    allow(['ptrace'], { includes: { minKernel: '4.8' } }),
    allow(['arch_prctl', 'modify_ldt'], { includes: { arches: ['amd64'] } }),
    allow(
      ['arm_fadvise64_64', 'arm_sync_file_range', 'sync_file_range2', 'breakpoint', 'cacheflush', 'set_tls'],
      {
        includes: { arches: ['arm64'] },
      },
    ),

    withCapability('CAP_SYS_ADMIN', [
      'bpf',
      'clone',
      'clone3',
      'fanotify_init',
      'fsconfig',
      'fsmount',
      'fsopen',
      'fspick',
      'listmount',
      'mount',
      'mount_setattr',
      'move_mount',
      'open_tree',
      'open_tree_attr',
      'perf_event_open',
      'pivot_root',
      'quotactl',
      'quotactl_fd',
      'setdomainname',
      'sethostname',
      'setns',
      'statmount',
      'syslog',
      'umount',
      'umount2',
      'unshare',
    ]),
    withCapability('CAP_BPF', ['bpf']),
    withCapability('CAP_PERFMON', ['perf_event_open']),
    withCapability('CAP_SYSLOG', ['syslog']),
    withCapability('CAP_DAC_READ_SEARCH', ['open_by_handle_at']),
    withCapability('CAP_SYS_BOOT', ['reboot']),
    withCapability('CAP_SYS_CHROOT', ['chroot']),
    withCapability('CAP_SYS_MODULE', ['delete_module', 'finit_module', 'init_module']),
    withCapability('CAP_SYS_NICE', [
      'get_mempolicy',
      'mbind',
      'migrate_pages',
      'move_pages',
      'set_mempolicy',
      'set_mempolicy_home_node',
    ]),
    withCapability('CAP_SYS_PACCT', ['acct']),
    withCapability('CAP_SYS_PTRACE', [
      'kcmp',
      'pidfd_getfd',
      'process_madvise',
      'process_vm_readv',
      'process_vm_writev',
    ]),
    withCapability('CAP_SYS_RAWIO', ['ioperm', 'iopl']),
    withCapability('CAP_SYS_TIME', ['clock_settime', 'clock_settime64', 'settimeofday', 'stime']),
    withCapability('CAP_SYS_TTY_CONFIG', ['vhangup']),
  ],
};
