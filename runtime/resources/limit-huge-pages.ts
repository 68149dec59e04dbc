import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupHost } from './cgroup-host.ts';

/** Sets the limits of huge pages of an existing cgroup: no OCI runtime's `update` does. */
export const limitHugePages = (
  host: Pick<CgroupHost, 'mode' | 'controllers'>,
  cgroup: string,
  limits: readonly { readonly pageSize: string; readonly limit: number }[],
): void => {
  const root = host.controllers.get('hugetlb');
  if (root === undefined) return;
  const file = host.mode === 'v2' ? 'max' : 'limit_in_bytes';
  for (const { pageSize, limit } of limits)
    writeFileSync(join(root, cgroup, `hugetlb.${pageSize}.${file}`), String(limit));
};
