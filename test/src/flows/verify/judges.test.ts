import assert from 'node:assert/strict';
import test from 'node:test';
import type { Frame } from '../../../../src/flows/verify/frame.ts';
import { fullJudges } from '../../../../src/flows/verify/full.ts';
import { runningConfiguration } from '../../../../src/flows/verify/running-configuration.ts';
import { type Judge, type Verdict, verdictOf } from '../../../../src/flows/verify/verdict.ts';
import { kubeletVersion, releaseSkew } from '../../../../src/flows/verify/version-skew.ts';

const full = fullJudges({ engine: { name: 'berth' } });

const frame = (stdout: string, more: Partial<Frame> = {}): Frame => ({
  id: 'x',
  status: 0,
  milliseconds: 1,
  stdout,
  stderr: '',
  ...more,
});

const judged = (judge: Judge | undefined, stdout: string): Verdict => {
  assert.ok(judge);
  return verdictOf(frame(stdout), judge);
};

for (const [node, own, verdict] of [
  ['0.1.0', '0.1.0', 'green'],
  ['0.1.0', '0.1.3', 'warning'],
  ['0.1.4', '0.1.3', 'warning'],
  ['0.1.0', '0.2.0', 'red'],
  ['1.0.0', '0.9.0', 'red'],
  ['unknown', '0.9.0', 'green'],
] as const)
  test(`a node of berth ${node}, seen by berth ${own}, is ${verdict}`, () => {
    const skew = releaseSkew(node, own);
    assert.equal(skew?.ok === false ? 'red' : skew === undefined ? 'green' : 'warning', verdict);
    if (skew !== undefined) assert.match(skew.remedy ?? '', /berth/);
  });

for (const [kubelet, ok, warning] of [
  ['v1.37.2', true, false],
  ['v1.36.0', true, false],
  ['v1.33.1+k3s1', true, true],
  ['v1.22.17', false, false],
  ['v2.0.0', true, true],
] as const)
  test(`kubelet ${kubelet} beside crictl 1.37 is ${ok ? (warning ? 'a warning' : 'green') : 'red'}`, () => {
    const verdict = judged(kubeletVersion('1.37.0'), `Kubernetes ${kubelet}\n`);
    assert.equal(verdict.ok, ok);
    if (ok) assert.equal(verdict.remedy !== undefined, warning);
  });

const info = (config: unknown): string => JSON.stringify({ status: {}, config }, null, 2);

test('a daemon that works with what its files say is green, whatever the order of keys and the files it came from', () => {
  const verdict = judged(
    runningConfiguration,
    `${JSON.stringify({ logLevel: 'info', cni: { a: 1, b: 2 }, files: ['x'], ignored: [] })}\n${info({ cni: { b: 2, a: 1 }, ignored: [], files: [], logLevel: 'info' })}`,
  );
  assert.deepEqual([verdict.ok, verdict.detail], [true, '2 settings as the files have them']);
});

test('a file that the daemon has not read yet is red, with both values', () => {
  const verdict = judged(
    runningConfiguration,
    `${JSON.stringify({ logLevel: 'debug', pidsLimit: 5 })}\n${info({ logLevel: 'info' })}`,
  );
  assert.equal(verdict.ok, false);
  assert.equal(
    verdict.detail,
    'logLevel is "info", the files say "debug"; pidsLimit is nothing, the files say 5',
  );
  assert.match(verdict.remedy ?? '', /systemctl restart berthd/);
  assert.equal(judged(runningConfiguration, 'nonsense\n{}').ok, false);
});

const status = (capabilities: string): string =>
  `CapInh:\t0000000000000000\nCapBnd:\t${capabilities}\nNoNewPrivs:\t1\nSeccomp:\t2\n{"config":{"defaultCapabilities":["CAP_CHOWN","KILL"]}}`;

test('capabilities are named, not counted', () => {
  const judge = full.get('security.capabilities');
  assert.equal(judged(judge, status('0000000000000021')).ok, true);
  assert.equal(judged(judge, status('0000000000200020')).detail, 'besides: SYS_ADMIN; missing: CHOWN');
});

test('a process without a filter or with a way to new privileges is red', () => {
  const judge = full.get('security.process');
  assert.equal(judged(judge, 'NoNewPrivs:\t1\nSeccomp:\t2\n').ok, true);
  assert.equal(judged(judge, 'NoNewPrivs:\t1\nSeccomp:\t0\n').detail, 'no seccomp filter (mode 0)');
  assert.equal(judged(judge, 'NoNewPrivs:\t0\nSeccomp:\t2\n').detail, 'NoNewPrivs is 0');
  assert.match(judged(judge, 'NoNewPrivs:\t0\n').detail, /no seccomp/);
});

test('limits that are not there, and a kill that is told as something else, are red', () => {
  assert.equal(judged(full.get('limits.memory'), '67108864\n').ok, true);
  assert.equal(
    judged(full.get('limits.memory'), '9223372036854771712\n').detail,
    'the cgroup says 9223372036854771712, not 67108864',
  );
  assert.equal(judged(full.get('limits.oom'), 'CONTAINER_EXITED 137 OOMKilled\n').ok, true);
  assert.equal(judged(full.get('limits.oom'), 'CONTAINER_EXITED 137 Error\n').ok, false);
});

test('a container that is another one after the restart is red', () => {
  const before = 'abc 42 2026-01-01T00:00:00Z CONTAINER_RUNNING';
  assert.equal(judged(full.get('restart.container'), `${before}\n${before}\n`).detail, 'process 42 runs');
  assert.equal(judged(full.get('restart.container'), `${before}\n${before.replace('42', '43')}\n`).ok, false);
  assert.equal(judged(full.get('restart.container'), `${before}\n`).ok, false);
});
