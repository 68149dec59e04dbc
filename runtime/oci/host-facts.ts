import { access, readdir, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { absent } from '../core/absent.ts';
import { parseCapabilities } from '../linux/capabilities.ts';
import { type CgroupHost, detectCgroups } from '../resources/cgroup-host.ts';
import type { HostFacts } from './input.ts';

/** Reads /proc and /sys once. */
export const readHostFacts = async (): Promise<HostFacts> => {
  const [status, cgroups, oomScoreAdj, apparmor] = await Promise.all([
    readFile('/proc/self/status', 'utf8'),
    detectCgroups(),
    readFile('/proc/self/oom_score_adj', 'utf8'),
    readIfThere('/sys/module/apparmor/parameters/enabled'),
  ]);
  return {
    capabilities: heldBy(status),
    kernel: parseKernelRelease(release()),
    architecture: process.arch,
    cgroups,
    seccomp: /^Seccomp_filters:/m.test(status),
    apparmor: apparmor?.trim() === 'Y' && (await exists('/sys/kernel/security/apparmor')),
    selinux: await exists('/sys/fs/selinux/enforce'),
    hugePageSizes: cgroups.controllers.has('hugetlb') ? await hugePageSizes() : [],
    swapAccounting: await accountsSwap(cgroups),
    oomScoreAdj: Number(oomScoreAdj),
  };
};

/** What a child can have: it needs the capability in our effective and in the bounding set. */
const heldBy = (status: string): ReadonlySet<string> => {
  const { effective, bounding } = parseCapabilities(status);
  return new Set(effective.filter((name) => bounding.includes(name)));
};

export const parseKernelRelease = (text: string): { readonly major: number; readonly minor: number } => {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return { major: Number(major), minor: Number(minor) };
};

const hugePageSizes = async (): Promise<readonly string[]> => {
  const names = await readdir('/sys/kernel/mm/hugepages').catch(absent);
  return (names ?? []).map(cgroupPageSize).filter((size) => size !== undefined);
};

/** `hugepages-2048kB` → `2MB`, as the files of the hugetlb controller are named. */
export const cgroupPageSize = (folder: string): string | undefined => {
  const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(folder)?.[1] ?? Number.NaN);
  if (!Number.isFinite(kilobytes)) return undefined;
  if (kilobytes >= 1024 ** 2) return `${kilobytes / 1024 ** 2}GB`;
  return kilobytes >= 1024 ? `${kilobytes / 1024}MB` : `${kilobytes}KB`;
};

/** The root cgroup of v2 has no memory.swap.max, so any other cgroup is asked. */
const accountsSwap = async (cgroups: CgroupHost): Promise<boolean> => {
  const root = cgroups.controllers.get('memory');
  if (root === undefined) return false;
  if (cgroups.mode !== 'v2') return exists(join(root, 'memory.memsw.limit_in_bytes'));
  const children = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const answers = await Promise.all(children.map(({ name }) => exists(join(root, name, 'memory.swap.max'))));
  return answers.includes(true);
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    (error: unknown) => absent(error) ?? false,
  );

const readIfThere = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(absent);
