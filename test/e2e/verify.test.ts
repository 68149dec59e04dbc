import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Check } from '../../src/core/events.ts';
import { critestSpecs } from '../../src/flows/verify/critest-specs.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor, Running } from './berth.ts';

const checkout = resolve(import.meta.dirname, '../..');
const critest = join(checkout, 'node_modules/.cache/berth-test/critest-1.37.0');
const schema = join(checkout, 'test/src/faces/junit.xsd');

test('each red check is red for its reason, on a real host', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-verify-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = rewritten(
    profileFor(host, folder),
    'registries: {',
    'registries: { unqualifiedSearch: [registry.test],',
  );
  await using _ = await dnsServer(`${host.address.network}.1`);
  const applied = await berth('apply', profile, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);

  await t.test('a file that was edited, and one that the daemon has not read yet', async () => {
    await host.output(`echo 'timeout: 99' >>/etc/crictl.yaml
      printf '[crio.runtime]\\nlog_level = "debug"\\n' >/etc/crio/crio.conf.d/99-local.conf`);
    const { red } = await verified(profile, '--level', 'smoke');
    assert.deepEqual(
      [...red.keys()].filter((id) => !id.startsWith('config.')),
      [],
    );
    assert.match(red.get('config.rendered')?.detail ?? '', /crictl\.yaml/);
    assert.match(red.get('config.rendered')?.evidence?.[0]?.text ?? '', /^-timeout: 99$/m);
    assert.match(red.get('config.running')?.detail ?? '', /logLevel is "info", the files say "debug"/);
    assert.match(red.get('config.running')?.remedy ?? '', /restart berthd/);
    await host.output('rm /etc/crio/crio.conf.d/99-local.conf; sed -i /99/d /etc/crictl.yaml');
  });

  await t.test('a daemon that runs an older release than the current one', async () => {
    await host.output(`cd /usr/lib/berth && readlink current >/run/was && cp -a "$(cat /run/was)" 9.9.9-next &&
      echo '// newer' >>9.9.9-next/berthd.mjs && ln -sfn 9.9.9-next current`);
    const { red } = await verified(profile, '--level', 'smoke');
    assert.match(
      red.get('config.services')?.detail ?? '',
      /restart berthd\.service \((it runs release |what it reads changed)/,
    );
    await host.output('cd /usr/lib/berth && ln -sfn "$(cat /run/was)" current && rm -r 9.9.9-next');
  });

  await t.test(
    'a foreign network that wins, names that pods cannot resolve, a host port that is taken',
    async () => {
      await host.output(`printf '%s' '${foreignNetwork}' >/etc/cni/net.d/00-foreign.conflist
      printf '[crio.network]\\ncni_default_network = ""\\n' >/etc/crio/crio.conf.d/99-local.conf
      iptables -I FORWARD -p udp --dport 53 -j DROP; iptables -I INPUT -i foreign0 -j DROP
      socat TCP-LISTEN:18736,fork,reuseaddr EXEC:cat </dev/null >/dev/null 2>&1 & echo $! >/run/taker
      systemctl restart berthd`);
      const { red } = await verified(profile);
      const names = ['redis.pod-ip', 'network.pods', 'hostport.pod', 'dns.name', 'network.pod-to-host'];
      for (const name of names) assert.ok(red.has(name), `${name} is not among ${[...red.keys()].join(' ')}`);
      assert.match(red.get('redis.pod-ip')?.detail ?? '', /^10\.99\.0\.\d+ is outside 10\.88\.0\.0\/16$/);
      assert.match(
        red.get('hostport.pod')?.detail ?? '',
        /somebody on the host listens on port 18736: .*socat/,
      );
      assert.match(red.get('dns.name')?.remedy ?? '', /DNS servers of the host/);
      for (const check of red.values()) assert.ok(check.remedy || check.evidence, check.id);
      await host.output(`kill $(cat /run/taker); iptables -D FORWARD -p udp --dport 53 -j DROP
      iptables -D INPUT -i foreign0 -j DROP
      rm /etc/cni/net.d/00-foreign.conflist /etc/crio/crio.conf.d/99-local.conf
      systemctl restart berthd; ip link delete foreign0`);
    },
  );

  await t.test('an image that is not there', async () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    const absent = rewritten(profileFor(host, other), 'crio/redis:alpine', 'crio/absent:1');
    const { red, notRun } = await verified(absent);
    assert.ok(red.has('redis.pull'), [...red.keys()].join(' '));
    assert.match(red.get('redis.pull')?.remedy ?? '', /localhost:5000\/crio\/absent:1/);
    assert.ok(notRun.has('redis.walk') && notRun.has('network.rest') && notRun.has('exec.rest'));
  });

  await t.test('Ctrl-C in the middle leaves no pod behind', async () => {
    const running = new Running(['verify', profile]);
    await running.says(/redis\.create: /);
    running.interrupt();
    assert.equal((await running.ended).exitCode, 130);
    for (let tries = 0; tries < 100 && (await pods(host)) !== ''; tries += 1) await pause(200);
    assert.equal(await pods(host), '');
  });

  await t.test(
    'level full and a reboot: daemons restarted under a container, critest, all back; as JUnit',
    async () => {
      const report = join(folder, 'report.xml');
      const environment = existsSync(critest) ? { BERTH_CRITEST: critest } : {};
      const { checks, red, notRun } = await verifiedIn(
        environment,
        profile,
        '--level',
        'full',
        '--reboot',
        '--yes',
        '--junit',
        report,
      );
      assert.deepEqual([...red.values()], []);
      for (const id of [
        'restart.container',
        'restart.log',
        'restart.exec',
        'limits.oom',
        'dns.name',
        'network.way-out',
      ])
        assert.ok(checks.get(id)?.ok, id);
      for (const id of [
        'reboot.host',
        'reboot.images',
        'reboot.pods',
        'reboot.rules',
        'reboot.config.rendered',
      ])
        assert.ok(checks.get(id)?.ok, id);
      const passed = critestSpecs.filter(({ id }) => checks.get(`critest.${id}`)?.ok);
      if (existsSync(critest)) assert.equal(passed.length, critestSpecs.length);
      else assert.match(notRun.get('critest.run')?.detail ?? '', /there is no critest/);
      const valid = spawnSync('xmllint', ['--noout', '--schema', schema, report], { encoding: 'utf8' });
      assert.equal(valid.status, 0, valid.stderr);
      assert.equal(readFileSync(report, 'utf8').match(/<testcase /g)?.length, checks.size);
      assert.equal(await pods(host), '');
      assert.equal(
        await host.output('ls -d /run/berth-* /var/lib/berth-critest.* 2>/dev/null | grep -v install; true'),
        '',
      );
    },
  );
});

/** The profile with other words in place of `before`. */
function rewritten(profile: string, before: string, after: string): string {
  const text = readFileSync(profile, 'utf8');
  assert.ok(text.includes(before), text);
  writeFileSync(profile, text.replace(before, after));
  return profile;
}

interface Verified {
  readonly checks: ReadonlyMap<string, Check>;
  readonly red: ReadonlyMap<string, Check>;
  readonly notRun: ReadonlyMap<string, Check>;
}

const verified = (...args: string[]): Promise<Verified> => verifiedIn({}, ...args);

/** `berth verify` as a script reads it: the exit code says the same as the checks. */
async function verifiedIn(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<Verified> {
  const { exitCode, output } = await new Running(['verify', ...args, '--json'], environment).ended;
  const events = output.split('\n').filter((line) => line.startsWith('{'));
  const checks = new Map<string, Check>();
  for (const event of events.map((line) => JSON.parse(line)))
    if (event.kind === 'checked') checks.set(event.check.id, event.check);
  const only = (wanted: (check: Check) => boolean) =>
    new Map([...checks].filter(([, check]) => wanted(check)));
  const red = only((check) => !check.ok && check.notRun !== true);
  assert.equal(exitCode, red.size === 0 ? 0 : 18, output.slice(-4000));
  assert.ok(checks.size > 5, output);
  return { checks, red, notRun: only((check) => check.notRun === true) };
}

const pods = (host: EmbeddedHost): Promise<string> => host.output('crictl pods --quiet');

const foreignNetwork = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'foreign',
  plugins: [
    {
      type: 'bridge',
      bridge: 'foreign0',
      isGateway: true,
      ipMasq: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '10.99.0.0/16' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
  ],
});

/** A DNS server (RFC 1035) at the address that the test host asks: every name is 192.0.2.7. */
async function dnsServer(address: string): Promise<AsyncDisposable> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    let end = 12;
    while ((query[end] ?? 0) !== 0) end += 1 + (query[end] ?? 0);
    const question = query.subarray(12, end + 5);
    const wantsAddress = question.readUInt16BE(question.length - 4) === 1;
    const header = Buffer.from([
      ...query.subarray(0, 2),
      0x81,
      0x80,
      0,
      1,
      0,
      wantsAddress ? 1 : 0,
      0,
      0,
      0,
      0,
    ]);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
    socket.send(
      Buffer.concat([header, question, ...(wantsAddress ? [answer] : [])]),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((done, fail) => {
    socket.once('error', fail);
    socket.bind(53, address, done);
  });
  return { [Symbol.asyncDispose]: () => new Promise<void>((done) => socket.close(done)) };
}
