import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { parseHealth } from '../../../../src/host/facts/health.ts';
import {
  type Facts,
  type ProbeRequest,
  parseFacts,
  probeScript,
  splitTopics,
} from '../../../../src/host/facts/probe.ts';
import { nothingAsked } from './nothing-asked.ts';

const request: ProbeRequest = {
  ...nothingAsked,
  trouble: { owned: ['/bin/sh', '/usr/bin/env', '/nonexistent'], locks: ['/nonexistent/lock'] },
};

/** Runs the real probe with a shell of this machine. */
async function ask(shell: readonly string[], state = '/nonexistent/state'): Promise<Facts> {
  const script = (await probeScript(request)).replace(/^state=.*$/m, `state=${state}`);
  const [program = '', ...flags] = shell;
  const sent = Date.now();
  const output = execFileSync(program, flags, { input: script, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return parseFacts(splitTopics(output), request, { sent, received: Date.now() });
}

for (const shell of [['dash'], ['bash', '--posix'], ['busybox', 'sh']])
  test(`${shell.join(' ')} tells the ground that this machine stands on, and what is wrong with it`, async () => {
    const { health, trouble } = await ask(shell);
    assert.equal(health.clockSkewSeconds, 0);
    assert.ok(health.mounts.get('/')?.options.has('rw'));
    const inUse = readFileSync('/proc/swaps', 'utf8').trim().split('\n').length - 1;
    assert.ok(Math.abs(health.swaps.length - inUse) <= 1);
    assert.ok(health.controllers.has('memory') || health.controllers.size > 0);
    const [, gateway] = /^(\S+)\t00000000\t/m.exec(readFileSync('/proc/net/route', 'utf8')) ?? [];
    if (gateway !== undefined)
      assert.ok(
        health.routes.some((route) => route.destination === '0.0.0.0/0' && route.interface === gateway),
      );
    assert.ok(trouble);
    assert.match([...trouble.owners.values()].join(' '), /coreutils/);
    assert.ok(!trouble.owners.has('/nonexistent'));
    assert.doesNotMatch(trouble.packageAudit, /usage|unrecognized|invalid option/i);
    assert.equal(trouble.packageLockHolder, undefined);
    assert.ok((trouble.inodes.get('/')?.total ?? 0) > 0 || trouble.inodes.size > 0);
    assert.equal(typeof trouble.hostname?.resolves, 'boolean');
    assert.ok((trouble.forward.get('iptables') ?? []).some((rule) => rule.startsWith('-P FORWARD')));
  });

test('the skew of a clock is what question and answer do not explain', () => {
  const asked = { sent: 1_000_500, received: 1_003_200 };
  const skew = (seconds: number) => parseHealth([['clock', String(seconds)]], asked).clockSkewSeconds;
  assert.deepEqual([990, 999, 1000, 1003, 1004, 1010].map(skew), [-9, 0, 0, 0, 1, 7]);
  assert.equal(parseHealth([], asked).clockSkewSeconds, undefined);
});

test('SELinux contexts, routes and rules are read in the form in which hosts print them', () => {
  const health = parseHealth([
    ['selinux', '1'],
    ['semanage'],
    ['context', '/usr/lib/berth/1/node', 'system_u:object_r:lib_t:s0'],
    ['route4', 'eth0', '0000580A', '0000FFFF'],
    ['route6', 'eth0', 'fd420000000000000000000000000000', '30'],
    ['ufw', '10.88.0.0/16', '0.0.0.0/0'],
    ['ufw', '::/0', 'fd42::/64'],
    ['apparmor', 'N'],
  ]);
  assert.deepEqual(health.selinux, {
    enforcing: true,
    semanage: true,
    types: new Map([['/usr/lib/berth/1/node', 'lib_t']]),
  });
  assert.deepEqual(
    health.routes.map(({ destination }) => destination),
    ['10.88.0.0/16', 'fd42:0000:0000:0000:0000:0000:0000:0000/48'],
  );
  assert.deepEqual([...health.ufwRoutes], ['to 10.88.0.0/16', 'from fd42::/64']);
  assert.deepEqual(health.apparmor, { enabled: false, parser: false });
});
