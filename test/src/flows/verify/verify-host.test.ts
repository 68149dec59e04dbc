import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Check, type Event, isRed } from '../../../../src/core/events.ts';
import { Fail } from '../../../../src/core/fail.ts';
import { verifyHost } from '../../../../src/flows/verify/verify-host.ts';
import { parseProfile } from '../../../../src/profile/parse-profile.ts';
import type { Spec } from '../../../../src/profile/profile.ts';
import { type RecordedHost, recordedHost } from './recorded-host.ts';

const programs = fileURLToPath(new URL('recorded-host', import.meta.url));

const specOf = (level: string): Spec => {
  const [host] = parseProfile(
    `hosts: [{ name: node-1, local: {} }]
spec:
  cni: { pluginDirs: [/nowhere, ${programs}] }
  verify: { level: ${level}, image: "localhost:5000/crio/redis:alpine" }`,
    'test.yaml',
  ).hosts;
  assert.ok(host);
  return host.spec;
};

const verify = (host: RecordedHost, level = 'node', emit: (event: Event) => void = () => undefined) =>
  verifyHost(host.connection, specOf(level), { emit, signal: AbortSignal.timeout(120_000) });

const red = (checks: readonly Check[]): string[] => checks.filter(isRed).map(({ id }) => id);
const notRun = (checks: readonly Check[]): string[] =>
  checks.filter((check) => check.notRun).map(({ id }) => id);
const byId = (checks: readonly Check[], id: string): Check => {
  const check = checks.find((one) => one.id === id);
  assert.ok(check, `${id} is not among ${checks.map((one) => one.id).join(' ')}`);
  return check;
};

const smokeIds = [
  'units.berthd',
  'units.berth-shim',
  'socket.version',
  'socket.info',
  'versions.crictl',
  'versions.runc',
  'versions.cni',
];
/** The recorded daemon has no process that could be compared with its files. */
const neverRun = ['config.running'];
/** What is done beside the walk. */
const besideIds = [
  'network.pods',
  'hostport.address',
  'hostport.loopback',
  'hostport.from-pod',
  'hostport.udp',
  'dns.configuration',
  'dns.name',
  'network.pod-to-pod',
  'network.pod-to-host',
  'network.way-out',
  'exec.stdin',
  'exec.status',
  'exec.tty',
  'logs.lines',
  'logs.streams',
  'logs.parts',
  'logs.rotation',
  'forward.tcp',
  'attach.streams',
];
const walkIds = [
  'redis.runp',
  'redis.inspectp',
  'redis.pod-ip',
  'redis.pull',
  'redis.create',
  'redis.start',
  'redis.inspect',
  'redis.logs',
  'redis.exec',
  'redis.exec-sync',
  'redis.ping',
  'redis.set-get',
  'redis.stop',
  'redis.exit-code',
  'redis.rm',
  'redis.stopp',
  'redis.rmp',
  'redis.nothing-left',
  ...besideIds,
];

const pullCommand = 'crictl --timeout 180s pull localhost:5000/crio/redis:alpine';

/** Steps of which a command was told, and neither its end nor what came of it. */
const openAtTheEnd = (events: readonly Event[]): string[] => {
  const open = new Set<string>();
  for (const event of events) {
    if (event.kind === 'command') open.add(event.id);
    if (event.kind === 'command-ended') assert.ok(open.delete(event.id), event.id);
    if (event.kind === 'checked') open.delete(event.check.id);
  }
  return [...open];
};

for (const shell of [['sh'], ['busybox', 'sh'], ['bash', '--posix']])
  test(`a good node is green from units to the empty lists, through ${shell.join(' ')}`, async () => {
    using host = recordedHost({ shell });
    const events: Event[] = [];
    const checks = await verify(host, 'node', (event) => events.push(event));
    assert.deepEqual(red(checks), []);
    assert.deepEqual(notRun(checks), neverRun);
    assert.deepEqual(
      checks.map(({ id }) => id).filter((id) => !neverRun.includes(id)),
      [...smokeIds, ...walkIds],
    );
    const told = events.flatMap((event) => (event.kind === 'checked' ? [event.check] : []));
    assert.deepEqual(
      told.toSorted((a, b) => checks.indexOf(a) - checks.indexOf(b)),
      checks,
      'each is told once',
    );
    assert.deepEqual(
      events.filter((event) => event.kind === 'command' && event.id === 'redis.pull'),
      [{ kind: 'command', host: 'node-1', phase: 'verify', id: 'redis.pull', command: pullCommand }],
    );
    assert.deepEqual(openAtTheEnd(events), []);
    assert.ok(checks.every(({ milliseconds }) => milliseconds >= 0 && milliseconds < 60_000));
    assert.deepEqual(host.left(), []);
  });

test('what is seen is told in a few words', async () => {
  using host = recordedHost();
  const details = Object.fromEntries((await verify(host)).map(({ id, detail }) => [id, detail]));
  assert.equal(details['units.berthd'], 'active (running), enabled');
  assert.equal(details['socket.version'], 'berth 0.1.0, CRI v1');
  assert.equal(details['versions.runc'], '1.1.5+ds1, OCI 1.0.2-dev');
  assert.equal(details['versions.cni'], 'CNI up to 1.0.0');
  assert.equal(details['redis.pod-ip'], '10.88.0.3');
  assert.equal(details['redis.logs'], 'Ready to accept connections');
  assert.equal(details['redis.exec'], 'redis 7.0.15');
  assert.equal(details['redis.exit-code'], 'CONTAINER_EXITED, 0 Completed');
});

test('checks beside the walk tell what they run when they run it, and not when all is over', async () => {
  using host = recordedHost();
  const events: Event[] = [];
  await verify(host, 'node', (event) => events.push(event));
  const commands = events.flatMap((event) => (event.kind === 'command' ? [event] : []));
  const of = (id: string): string[] =>
    commands.filter((event) => event.id === id).map(({ command }) => command);
  assert.deepEqual(of('exec.status'), ['crictl exec box-streams sh -c exit 42']);
  assert.deepEqual(of('attach.streams'), ['crictl attach -i box-streams']);
  assert.deepEqual(of('forward.tcp').slice(0, 1), ['crictl port-forward pod-streams :7']);
  assert.match(of('hostport.loopback').join(), /^socat - TCP:127\.0\.0\.1:\d+$/);
  assert.match(of('hostport.udp').at(-1) ?? '', /^socat -t 0\.5 - UDP:[\d.]+:\d+$/);
  assert.match(of('network.pods')[0] ?? '', /^crictl runp .*hostport-pod\.json$/);
  assert.deepEqual(
    of('network.pod-to-pod').slice(0, 1),
    ['socat - TCP:10.88.0.4:6379'],
    'the server is waited for',
  );
  const at = (isIt: (event: Event) => boolean): number => {
    const index = events.findIndex(isIt);
    assert.notEqual(index, -1);
    return index;
  };
  const firstLane = at((event) => event.kind === 'command' && event.id === 'exec.stdin');
  const lastOfWalk = at((event) => event.kind === 'checked' && event.check.id === 'redis.stop');
  assert.ok(firstLane < lastOfWalk, 'told while the walk goes on');
  assert.ok(
    at((event) => event.kind === 'checked' && event.check.id === 'exec.stdin') <
      at((event) => event.kind === 'command' && event.id === 'exec.status'),
    'its end is told when it is known, as that of a step of the walk',
  );
});

test('what nobody asks for any more is not waited for, and what is done at the end is told', async () => {
  using host = recordedHost({ env: { FAIL: 'runp', OUTSIDE_HANGS: '1' } });
  const events: Event[] = [];
  let lastCheck = 0;
  const checks = await verify(host, 'node', (event) => {
    if (event.kind === 'checked') lastCheck = performance.now();
    events.push(event);
  });
  const afterwards = performance.now() - lastCheck;
  assert.deepEqual(red(checks), ['redis.runp']);
  assert.ok(afterwards < 1000, `it went on for ${Math.round(afterwards)} ms`);
  const commands = events.flatMap((event) => (event.kind === 'command' ? [event] : []));
  assert.deepEqual(
    commands.filter(({ id, command }) => id === 'redis.runp' && command.startsWith('journalctl')),
    [
      {
        kind: 'command',
        host: 'node-1',
        phase: 'verify',
        id: 'redis.runp',
        command: 'journalctl -u berthd -u berth-shim -n 30',
      },
    ],
  );
  assert.deepEqual(
    commands.filter(({ id }) => id === 'redis.clean-up').map(({ command }) => command),
    ['crictl pods --label berth.dev/verify=walk-through'],
  );
  assert.deepEqual(openAtTheEnd(events), []);
  assert.deepEqual(host.left(), []);
});

test('level smoke starts no pod', async () => {
  using host = recordedHost();
  const checks = await verify(host, 'smoke');
  assert.deepEqual(
    checks.map(({ id }) => id).filter((id) => !neverRun.includes(id)),
    smokeIds,
  );
  assert.deepEqual(
    host.calls().filter((call) => !/^(version|info|--version)$/.test(call)),
    [],
  );
});

test('a step that fails ends the walk, brings its evidence, and leaves no pod', async () => {
  using host = recordedHost({ env: { FAIL: 'start' } });
  const checks = await verify(host);
  assert.deepEqual(red(checks), ['redis.start']);
  assert.deepEqual(notRun(checks).toSorted(), [...neverRun, 'redis.walk']);
  assert.equal(byId(checks, 'redis.walk').detail, 'not run: it needs redis.start');
  assert.equal(byId(checks, 'redis.walk').evidence, undefined);
  assert.deepEqual(
    checks.map(({ id }) => id).filter((id) => besideIds.includes(id)),
    besideIds,
    'what does not need the walk goes on',
  );
  const start = byId(checks, 'redis.start');
  assert.equal(start.detail, 'start: rpc error: code = Unknown desc = it says "no"');
  assert.deepEqual(
    start.evidence?.map(({ title }) => title),
    ['what it complained', 'journal of berthd', 'journal of berth-shim'],
  );
  assert.match(start.evidence?.[1]?.text ?? '', /berthd\[1\]: started/);
  assert.deepEqual(host.left(), []);
});

test('a pod that an earlier run left is removed before the walk', async () => {
  using host = recordedHost();
  host.leaveStalePod();
  assert.deepEqual(red(await verify(host)), []);
  const calls = host.calls();
  assert.ok(
    calls.findIndex((call) => call.startsWith('rmp --force')) <
      calls.findIndex((call) => call.startsWith('runp')),
  );
});

test('a pod that cannot be taken away is told', async () => {
  using host = recordedHost({ env: { FAIL: 'rmp' } });
  const checks = await verify(host);
  assert.deepEqual(red(checks), ['redis.rmp', 'redis.nothing-left', 'redis.clean-up']);
  assert.deepEqual(host.left(), ['pod']);
});

test('a host that another verification keeps is told, and left alone', async () => {
  using host = recordedHost({ env: { LOCKED: '1' } });
  host.leaveStalePod();
  const checks = await verify(host);
  assert.deepEqual(red(checks), ['redis.lock']);
  assert.match(byId(checks, 'redis.lock').detail, /another verification/);
  assert.deepEqual(host.left(), ['pod']);
});

test('redis that does not come up is red, with what it wrote, and the walk goes on', async () => {
  using host = recordedHost({ env: { LOG: 'Fatal error, cannot open config file', FAIL: 'ps' } });
  const checks = await verify(host);
  const logs = byId(checks, 'redis.logs');
  assert.equal(logs.ok, false);
  assert.match(logs.evidence?.[0]?.text ?? '', /Fatal error, cannot open config file/);
  assert.ok(checks.some(({ id }) => id === 'redis.rmp'));
});

for (const [what, env, id, detail] of [
  [
    'an address outside the network',
    { ADDRESS: '10.99.0.3' },
    'redis.pod-ip',
    '10.99.0.3 is outside 10.88.0.0/16',
  ],
  ['a pod without an address', { ADDRESS: '' }, 'redis.pod-ip', 'the pod has no address'],
  [
    'an exit code that is not 0',
    { EXIT_CODE: '137', REASON: 'Error' },
    'redis.exit-code',
    'exit code 137 Error',
  ],
  [
    'a value that redis did not keep',
    { STORED: 'other' },
    'redis.set-get',
    /^redis answered "\+OK \$8 other \+OK"$/,
  ],
  [
    'a network that is not ready',
    { NETWORK_READY: 'false' },
    'socket.info',
    'NetworkReady is false: CNI no network configuration',
  ],
  ['a unit that failed', { ACTIVE: 'failed', SUB: 'failed' }, 'units.berthd', 'failed (failed)'],
  [
    'a unit that is restarted again and again',
    { RESTARTS: '4', AGE: '5' },
    'units.berthd',
    /^active \(running\), but it was restarted 4 times, the last time \d+ s ago$/,
  ],
  ['a host port that is published nowhere', { UNPUBLISHED: '1' }, 'hostport.address', /Connection refused/],
  [
    'a host port that leads to somebody else',
    { PUBLISHED: 'theirs' },
    'hostport.loopback',
    'somebody else answers: $8 theirs +OK',
  ],
  [
    'a pod outside the network beside the walk',
    { SERVER_ADDRESS: '10.99.0.4' },
    'network.pods',
    '10.99.0.4 is outside 10.88.0.0/16',
  ],
  ['a pod whose search domain is lost', { SEARCH: '' }, 'dns.configuration', 'missing: berth-verify.invalid'],
  ['a pod that resolves nothing', { POD_DNS_BROKEN: '1' }, 'dns.name', /no servers could be reached/],
  ['a pod that does not get out', { WAY_OUT: '1' }, 'network.way-out', /./],
  ['a pod that others cannot reach', { FROM_POD: '' }, 'network.pod-to-pod', /./],
  ['a log that is not opened again', { LOG_LOST: '1' }, 'logs.rotation', /./],
] as const)
  test(`${what} is red`, async () => {
    using host = recordedHost({ env });
    const check = byId(await verify(host), id);
    assert.equal(check.ok, false);
    if (typeof detail === 'string') assert.equal(check.detail, detail);
    else assert.match(check.detail, detail);
    assert.deepEqual(host.left(), []);
  });

test('a host port that somebody holds, and one that no plugin publishes, have remedies of their own', async () => {
  const holder = createServer().listen(0);
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const pod = async (env: NodeJS.ProcessEnv, spec: Spec): Promise<Check> => {
    using host = recordedHost({ env });
    const options = { emit: () => undefined, signal: AbortSignal.timeout(120_000) };
    const checks = await verifyHost(host.connection, spec, options);
    assert.deepEqual(red(checks), ['hostport.pod']);
    assert.deepEqual(notRun(checks), [...neverRun, 'hostport.rest']);
    return byId(checks, 'hostport.pod');
  };
  const spec = specOf('node');
  try {
    const taken = await pod({}, { ...spec, verify: { ...spec.verify, hostPort: port } });
    assert.match(taken.detail, new RegExp(`^somebody on the host listens on port ${port}: `));
    assert.match(taken.remedy ?? '', /free the port, or name another in spec\.verify\.hostPort/);
  } finally {
    holder.close();
  }
  const lacking = await pod({ NO_PORTMAP: '1' }, spec);
  assert.equal(lacking.detail, 'failed to find plugin "portmap"');
  assert.match(lacking.remedy ?? '', /spec\.cni\.pluginDirs.*berth doctor .* --fix/);
});

test('a network that is not ready sends to the doctor, who knows what was removed', async () => {
  using host = recordedHost({ env: { NETWORK_READY: 'false' } });
  const { remedy = '' } = byId(await verify(host, 'smoke'), 'socket.info');
  assert.match(remedy, /\/etc\/cni\/net\.d.*spec\.cni\.pluginDirs.*berth doctor .* --fix/);
});

test('what the host itself cannot do is not held against its pods', async () => {
  using host = recordedHost({ env: { HOST_IS_ALONE: '1' } });
  const checks = await verify(host);
  assert.deepEqual(red(checks), []);
  assert.deepEqual(notRun(checks).toSorted(), [...neverRun, 'dns.name', 'network.way-out']);
  assert.equal(
    byId(checks, 'dns.name').detail,
    'not run: the host itself resolves none of: docker.io quay.io',
  );
  assert.equal(byId(checks, 'network.way-out').detail, 'not run: nothing outside answers the host itself');
});

test('without a socket there is no walk', async () => {
  using host = recordedHost({ env: { PATH: `${programs}/../no-programs:/usr/bin:/bin` } });
  const checks = await verify(host);
  const version = byId(checks, 'socket.version');
  assert.equal(version.ok, false);
  assert.match(version.remedy ?? '', /berth apply/);
  assert.deepEqual(
    checks.filter(({ id }) => /^(socket.info|redis\..*)$/.test(id)).map(({ id, detail }) => [id, detail]),
    [
      ['socket.info', 'not run: the socket does not answer'],
      ['redis.walk', 'not run: the socket does not answer'],
    ],
  );
});

test('a daemon that does not run is not waited for', async () => {
  using host = recordedHost({ env: { FAIL: 'version', ACTIVE: 'inactive', SUB: 'dead' } });
  const checks = await verify(host);
  assert.deepEqual(red(checks), ['units.berthd', 'units.berth-shim', 'socket.version']);
  assert.deepEqual(notRun(checks), [
    'socket.info',
    'config.running',
    'redis.walk',
    'network.rest',
    'exec.rest',
  ]);
  assert.deepEqual(
    host.calls().filter((call) => !call.startsWith('--')),
    ['version'],
  );
});

test('a daemon that is just starting is waited for', async () => {
  using host = recordedHost({ env: { FAIL_ONCE: 'version', ACTIVE: 'activating', SUB: 'start' } });
  const checks = await verify(host);
  assert.deepEqual(red(checks), ['units.berthd', 'units.berth-shim']);
});

test('a runtime that no longer answers ends the walk, and is no clean host', async () => {
  using host = recordedHost({ env: { HANG_AFTER: 'start' } });
  const checks = await verify(host);
  const found = red(checks);
  assert.ok(found.includes('redis.inspect') && found.includes('redis.clean-up'), found.join(' '));
  assert.ok(notRun(checks).includes('redis.walk'));
  assert.match(
    byId(checks, 'redis.walk').detail,
    /^not run: the runtime did not answer redis\.inspect in time$/,
  );
});

test('a connection that breaks in the middle leaves no pod and no folder', async () => {
  using host = recordedHost();
  const broken = verify(host, 'node', (event) => {
    if (event.kind === 'checked' && event.check.id === 'redis.create') host.last().stdout?.destroy();
  });
  await assert.rejects(broken);
  if (host.last().exitCode === null) await once(host.last(), 'exit');
  assert.deepEqual(host.left(), []);
});

test('a host that cannot run the examination is an error, not a green table', async () => {
  using host = recordedHost({ shell: ['false'] });
  await assert.rejects(verify(host), (error) => error instanceof Fail && error.code === 'CommandFailed');
});
