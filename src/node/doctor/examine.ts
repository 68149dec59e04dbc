import type { ProbeRequest } from '../../host/facts/probe.ts';
import type { Spec } from '../../profile/profile.ts';
import { localContextsFile, trustedZoneFile } from '../../resources/entry.ts';
import { packageManagers } from '../../resources/package-managers.ts';
import { probeRequest } from '../node.ts';
import { fstab, zramConfig, zramDefaults } from '../swap.ts';
import type { Examined, Finding } from './cause.ts';
import { causes } from './causes.ts';

/** Files that concerns look at and that are not berth's to write. */
const others = new Set([
  fstab,
  zramDefaults,
  zramConfig,
  trustedZoneFile,
  localContextsFile,
  '/etc/containers/policy.json',
  '/etc/ufw/ufw.conf',
]);

const sysctls = [
  'net.ipv6.conf.all.disable_ipv6',
  'net.ipv6.conf.default.disable_ipv6',
  'net.netfilter.nf_conntrack_count',
  'net.netfilter.nf_conntrack_max',
  'user.max_user_namespaces',
  'kernel.unprivileged_userns_clone',
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
];

/** The probe of an apply, and what the doctor asks beside it: still one round trip. */
export function doctorRequest(spec: Spec): ProbeRequest {
  const request = probeRequest(spec);
  return {
    ...request,
    files: [...new Set([...request.files, '/etc/hosts', '/etc/sysctl.conf'])],
    folders: [...new Set([...request.folders, '/etc/sysctl.d'])],
    sysctls: [...new Set([...request.sysctls, ...sysctls])],
    trouble: {
      owned: request.files.filter((path) => !others.has(path)),
      locks: Object.values(packageManagers).flatMap(({ locks }) => locks),
    },
  };
}

/** Every sign of every known cause, in the order of the codes. */
export const examine = (examined: Examined): Finding[] =>
  causes.flatMap(({ code, name, why, find }) =>
    find(examined).map((sign) => ({ ...sign, code, name, why, fix: sign.fix ?? [] })),
  );
