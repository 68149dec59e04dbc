import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor, type Run, Running } from './berth.ts';

test('what goes wrong on the way to a node is told, and the next apply finishes the work', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = profileFor(host, folder);

  await t.test('a host key that nobody vouched for is refused, with the way to accept it', async () => {
    const knownHosts = join(folder, 'empty_known_hosts');
    writeFileSync(knownHosts, '');
    const strange = profileFor(withKnownHosts(host, knownHosts), subfolder(folder, 'unknown'));
    const { exitCode, output } = await berth('plan', strange);
    assert.equal(exitCode, 12, output);
    assert.match(output, /SHA256:/);
    assert.match(output, /ssh-keyscan|known_hosts/);
  });

  await t.test('a host key that changed is refused, with the line that knows another', async () => {
    const knownHosts = join(folder, 'other_known_hosts');
    writeFileSync(knownHosts, `${host.ssh.host} ${anotherKey}\n`);
    const strange = profileFor(withKnownHosts(host, knownHosts), subfolder(folder, 'changed'));
    const { exitCode, output } = await berth('plan', strange);
    assert.equal(exitCode, 12, output);
    assert.match(output, /other_known_hosts:1/);
  });

  await t.test('an artifact with a wrong checksum never reaches the host', async () => {
    const artifacts = subfolder(folder, 'artifacts');
    const archive = join(artifacts, 'crictl-v1.37.0-linux-amd64.tar.gz');
    writeFileSync(archive, 'not what was published');
    writeFileSync(`${archive}.sha256`, `${'0'.repeat(64)}\n`);
    const spoilt = profileFor(
      host,
      artifacts,
      `  crictl: { version: 1.37.0 }\n`,
      `{ source: folder, folder: ${artifacts} }`,
    );
    const { exitCode, output } = await new Running(['plan', spoilt], { BERTH_CACHE: join(folder, 'cache') })
      .ended;
    assert.equal(exitCode, 15, output);
    assert.match(output, /sha256/);
    assert.match(output, /0{64}/);
  });

  await t.test(
    'a locked package manager is waited for and named; a second apply learns who is at work',
    async () => {
      await host.output(`${holdAptLock} >/dev/null 2>&1 & echo $! > /run/holder; sleep 0.3`);
      const first = new Running(['apply', profile, '--yes']);
      await first.says(/waiting for the package manager: .*perl/);

      const second = await berth('apply', profile, '--yes');
      assert.equal(second.exitCode, 14, second.output);
      assert.match(second.output, /another apply is at work/);

      first.interrupt();
      await host.output('kill $(cat /run/holder); rm /run/holder');
      const { exitCode, output } = await first.ended;
      assert.equal(exitCode, 130, output);
    },
  );

  await t.test('a connection that drops in the middle of an apply', async () => {
    const cut = new Running(['apply', profile, '--yes', '--verbose']);
    // The line of the step, not that of the plan before it.
    await cut.says(/… +upload berth/);
    // Ends every connection of the host, the one that asks for it included: its answer is of no use.
    await host.run("pkill -KILL -f '^sshd: root@'");
    const { exitCode, output } = await cut.ended;
    assert.equal(exitCode, 11, output);
  });

  await t.test('the next apply finishes the work, and after it nothing is left to do', async () => {
    const { exitCode, output } = await afterTheCut(() => berth('apply', profile, '--yes'));
    assert.equal(exitCode, 0, output);
    assert.match(output, /was cut off at release:.*; this one finishes it/);
    assert.doesNotMatch(output, /\+ install/);
    assert.match(output, /\d+ checks are green/);
    const planned = await berth('plan', profile);
    assert.equal(planned.exitCode, 0, planned.output);
  });

  await t.test('who holds the port of the image on the host is no fault of its sshd', async () => {
    await host.output(
      'socat TCP-LISTEN:5000,bind=127.0.0.1,fork /dev/null >/dev/null 2>&1 & echo $! > /run/holder; sleep 0.3',
    );
    const { exitCode, output } = await berth('verify', profile);
    await host.output('kill $(cat /run/holder); rm /run/holder');
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /port 5000 is taken there; the image comes through it/);
    assert.doesNotMatch(output, /AllowTcpForwarding/);
  });

  await t.test(
    'plugins that somebody removed beside their package: verify says how they come back',
    async () => {
      await host.output('mv /usr/lib/cni/bridge /usr/lib/cni/bridge.away');
      const { exitCode, output } = await berth('verify', profile);
      assert.equal(exitCode, 18, output);
      assert.match(output, /berth doctor finds that, and with --fix it brings them back/);
      const mended = await berth('doctor', profile, '--fix', '--yes');
      assert.equal(mended.exitCode, 0, mended.output);
      await host.output('rm /usr/lib/cni/bridge.away');
      assert.equal((await berth('verify', profile)).exitCode, 0);
    },
  );

  await t.test(
    'a file that something is mounted on is told with the words of the host, and mended',
    async () => {
      const path = '/etc/crictl.yaml';
      const report = join(folder, 'report.xml');
      await host.output(`echo '# mine' >> ${path}; mount --bind ${path} ${path}`);
      const { exitCode, output } = await berth('apply', profile, '--yes', '--junit', report);
      assert.equal(exitCode, 16, output);
      assert.match(output, /crictl\.yaml cannot be written: mv: .*Device or resource busy/);
      assert.match(output, /hint: Something is mounted there: see it with findmnt \/etc\/crictl\.yaml/);
      const told = readFileSync(report, 'utf8');
      assert.match(
        told,
        /<failure type="CommandFailed" message="[^"]*Device or resource busy">[^<]*\nhint: Something/,
      );
      assert.doesNotMatch(told, /<error/);
      await host.output(`umount ${path}`);
      const planned = await berth('plan', profile);
      assert.match(planned.output, /failed at file:\/etc\/crictl\.yaml; this one goes on from there/);
      const again = await berth('apply', profile, '--yes');
      assert.equal(again.exitCode, 0, again.output);
    },
  );
});

/** A shell that lost its connection keeps the lock until its step has ended. */
async function afterTheCut(apply: () => Promise<Run>): Promise<Run> {
  const until = Date.now() + 60_000;
  for (;;) {
    const run = await apply();
    if (run.exitCode !== 14 || Date.now() > until) return run;
  }
}

/** A key that no host has: the base64 of a public key made for these tests and thrown away. */
const anotherKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';

/** dpkg's lock is one of fcntl(2), which flock(1) does not take; perl is on every Debian. */
const holdAptLock = `perl -e '
  use Fcntl; open my $lock, ">>", "/var/lib/dpkg/lock-frontend" or die;
  my $whole = pack("s s x4 q q i", F_WRLCK, 0, 0, 0, 0);
  fcntl($lock, F_SETLK, $whole) or die; sleep 300'`;

const withKnownHosts = (host: EmbeddedHost, path: string): EmbeddedHost => ({
  ...host,
  ssh: { ...host.ssh, knownHostsFiles: [path] },
});

function subfolder(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}
