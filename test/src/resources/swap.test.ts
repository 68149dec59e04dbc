import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Fail } from '../../../src/core/fail.ts';
import type { SwapFact } from '../../../src/host/facts/health.ts';
import { planNoSwap, resumeSwap } from '../../../src/resources/swap.ts';
import { factsOf } from './facts.ts';

const area = (path: string, more: Partial<SwapFact> = {}): SwapFact => ({
  path,
  type: 'file',
  bytes: 2 ** 22,
  usedBytes: 0,
  priority: -2,
  ...more,
});
const factsWith = (...swaps: SwapFact[]) => factsOf({ health: { swaps } });
const inUse = (path: string): boolean => readFileSync('/proc/swaps', 'utf8').includes(`${path} `);

const run = (argv: readonly string[]): void => {
  const [program = '', ...rest] = argv;
  execFileSync(program, rest, { stdio: 'pipe' });
};

test('a swap area of this machine is stopped, and used again by what the host noted', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-swap-'));
  const file = join(folder, 'swap');
  t.after(() => {
    if (inUse(file)) run(['swapoff', file]);
    rmSync(folder, { recursive: true });
  });
  writeFileSync(file, Buffer.alloc(2 ** 22));
  chmodSync(file, 0o600);
  run(['mkswap', file]);
  run(['swapon', '--priority', '7', file]);
  const [change] = planNoSwap(factsWith(area(file, { priority: 7 })));
  const [step] = change?.steps ?? [];
  const [origin] = change?.origins ?? [];
  assert.ok(step?.kind === 'run' && origin?.kind === 'undo');
  run(step.argv);
  assert.ok(!inUse(file));
  // Safe to run more than once.
  run(origin.argv);
  run(origin.argv);
  assert.match(readFileSync('/proc/swaps', 'utf8'), new RegExp(`^${file}\\s.*\\s7$`, 'm'));
});

test('the area of a zram generator that is gone after a boot comes back with the next one', () => {
  const [change] = planNoSwap(factsWith(area('/dev/zram77', { type: 'partition' })));
  const [origin] = change?.origins ?? [];
  assert.ok(origin?.kind === 'undo');
  const [program = '', ...rest] = origin.argv;
  assert.match(
    execFileSync(program, rest, { encoding: 'utf8' }),
    /\/dev\/zram77 comes back with the next boot/,
  );
});

test('swap that memory cannot take back is refused before anything is done', () => {
  const used = 2 ** 31;
  assert.throws(
    () => planNoSwap(factsWith(area('/swap', { bytes: 2 ** 32, usedBytes: used }))),
    (error) =>
      error instanceof Fail && error.code === 'Unsupported' && /2\.0 GiB are swapped out/.test(error.message),
  );
});

test('a profile that keeps swap uses again what berth stopped, unless it is in use', () => {
  const origin = { name: 'swap:/swap', script: 'swapon /swap' };
  assert.deepEqual(
    resumeSwap(origin, factsWith()).map(({ summary }) => summary),
    ['swap to /swap again'],
  );
  assert.deepEqual(resumeSwap(origin, factsWith(area('/swap'))), []);
  assert.deepEqual(resumeSwap({ ...origin, name: 'ufw:to 10.0.0.0/8' }, factsWith()), []);
});
