import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import type { CgroupHost } from './cgroup-host.ts';

/**
 * Sets the limits of huge pages of an existing cgroup: no OCI runtime's `update` does. The kubelet names every size
 * with a limit of 0; where the cgroup has no file for it, its controller is off and nothing is limited.
 * Throws `FailedPrecondition` when another limit has no file.
 */
export const limitHugePages = (
  host: Pick<CgroupHost, 'mode' | 'controllers'>,
  cgroup: string,
  limits: readonly { readonly pageSize: string; readonly limit: number }[],
): void => {
  const root = host.controllers.get('hugetlb');
  if (root === undefined) return;
  const name = host.mode === 'v2' ? 'max' : 'limit_in_bytes';
  for (const { pageSize, limit } of limits) {
    const file = join(root, cgroup, `hugetlb.${pageSize}.${name}`);
    if (existsSync(file)) writeFileSync(file, String(limit));
    else if (limit > 0) throw new Fail('FailedPrecondition', `there is no ${file} to limit huge pages with`);
  }
};
