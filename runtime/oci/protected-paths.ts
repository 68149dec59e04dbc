import type { LinuxContainerSecurityContext } from '../spec/cri/api_pb.js';

/** Files of /proc and /sys that tell about, or act on, the whole machine. */
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/**
 * Masked and read-only paths: none for a privileged container, else the request's lists, else ours.
 * On the wire an empty list cannot be told from none. The kubelet sends an empty one for `procMount: Unmasked`,
 * which the API allows only in a user namespace, whose root has no say over the machine anyway: there, two empty lists
 * mean none. Outside of one, empty means ours: safe unless asked otherwise.
 */
export const protectedPaths = (
  context: LinuxContainerSecurityContext | undefined,
  { ownUsers }: { readonly ownUsers: boolean },
): { readonly maskedPaths: string[]; readonly readonlyPaths: string[] } => {
  if (context?.privileged === true) return { maskedPaths: [], readonlyPaths: [] };
  const masked = context?.maskedPaths ?? [];
  const readOnly = context?.readonlyPaths ?? [];
  if (ownUsers && masked.length + readOnly.length === 0) return { maskedPaths: [], readonlyPaths: [] };
  return {
    maskedPaths: masked.length === 0 ? MASKED : masked,
    readonlyPaths: readOnly.length === 0 ? READ_ONLY : readOnly,
  };
};
