import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { mount, setPropagation, unmount } from '../../runtime/linux/mounts.ts';
import type { TestNode } from '../harness/node.ts';
import { readReport, type SpecOutcome } from './report.ts';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/berth-test');
/** Many times what it takes. Ginkgo gives up a minute earlier, and tells in its report what it was at. */
const TIMEOUT_MINUTES = Number(process.env['BERTH_TEST_CRITEST_MINUTES'] ?? 6);

/** Runs the real critest against a node. Resolves with what became of each spec that the arguments select. */
export const critest = async (
  node: TestNode,
  name: string,
  args: readonly string[],
): Promise<readonly SpecOutcome[]> => {
  const report = join(node.folder, `critest-${name}.json`);
  const argv = [
    `--runtime-endpoint=unix://${node.socket}`,
    `--ginkgo.json-report=${report}`,
    '--ginkgo.no-color',
    `--ginkgo.timeout=${TIMEOUT_MINUTES - 1}m`,
    ...args,
  ];
  const ended = await inSharedFolder(join(node.folder, `critest-${name}`), (TMPDIR) =>
    run(critestPath(), argv, {
      env: { ...process.env, TMPDIR },
      maxBuffer: 256 * 1024 * 1024,
      timeout: TIMEOUT_MINUTES * 60_000,
    }).then(
      () => '',
      // A spec that failed makes it fail too, which the report tells; without a report, critest itself has failed.
      (error: Error & { stdout?: string; stderr?: string }) =>
        `${error.stdout}\n${error.stderr}\n${error.message}`,
    ),
  );
  if (!existsSync(report)) throw new Error(`critest wrote no report:\n${ended.slice(-4096)}`);
  return readReport(report);
};

/**
 * critest makes its volumes in this folder, and leaves some when it is cut off. It is a mount of its own, shared as / is
 * where systemd runs, so that no propagation is refused for lack of it.
 */
const inSharedFolder = async <T>(path: string, work: (path: string) => Promise<T>): Promise<T> => {
  await mkdir(path);
  mount({ source: 'tmpfs', target: path, type: 'tmpfs' });
  try {
    setPropagation(path, 'shared');
    return await work(path);
  } finally {
    unmount(path, { detach: true });
  }
};

/** BERTH_TEST_CRITEST, else the newest that `npm test` has built. */
const critestPath = (): string => {
  const named = process.env['BERTH_TEST_CRITEST'];
  if (named !== undefined) return named;
  const built = existsSync(CACHE) ? readdirSync(CACHE).filter((name) => /^critest-\d[\d.]*$/.test(name)) : [];
  const newest = built.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  if (newest === undefined)
    throw new Error('set BERTH_TEST_CRITEST to a critest, or run npm test, which builds one');
  return join(CACHE, newest);
};
