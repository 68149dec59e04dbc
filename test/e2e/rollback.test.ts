import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor } from './berth.ts';

/** What generations change and rollbacks put back. */
const stateOf = (host: EmbeddedHost): Promise<string> =>
  host.output(`
    find /etc /usr/local /usr/lib/berth /usr/libexec -xdev -type f ! -name ld.so.cache ! -name '*-' ! -path '/etc/ssl/*' \
      -exec sha256sum {} + 2>/dev/null | sort -k 2
    find /etc /usr/lib/berth -xdev -type l -printf '%p %l\\n' | sort
    dpkg-query -W -f '\${Package} \${Version} \${db:Status-Status}\\n' | grep ' installed$'
    for u in berth-masquerade berth-shim berthd; do systemctl is-enabled $u; systemctl is-active $u; done 2>&1
    cat /proc/sys/net/ipv4/conf/all/log_martians
    true`);

test('a host goes back: by itself when it is red, and when it is told to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const file = profileFor(host, folder);
  const profile = readFileSync(file, 'utf8');
  const changed = (spec: string): void => writeFileSync(file, profile.replace('spec:\n', `spec:\n${spec}`));
  const bare = await stateOf(host);

  const red = '  policy: { default: reject }\n  packages: { extra: [jq] }\n';
  await t.test(
    'a first apply that is red leaves the host as it was before berth, and the evidence',
    async () => {
      changed(red);
      const { exitCode, output } = await berth('apply', file, '--yes');
      assert.equal(exitCode, 18, output);
      assert.match(output, /the host is as it was before berth/);
      assert.equal(await stateOf(host), bare);
      assert.match(
        await host.output('cat /var/lib/berth-install/generations/000001/evidence'),
        /rejected by policy/,
      );
    },
  );

  await t.test('an apply that is green stays', async () => {
    changed('');
    const { exitCode, output } = await berth('apply', file, '--yes');
    assert.equal(exitCode, 0, output);
  });
  const green = await stateOf(host);

  await t.test('a later one that is red goes back to it, and crictl proves it there', async () => {
    changed(`${red}  kernel: { sysctls: { net.ipv4.conf.all.log_martians: 1 } }\n`);
    const { exitCode, output } = await berth('apply', file, '--yes');
    assert.equal(exitCode, 18, output);
    assert.match(output, /the host is as it was after generation 3, and crictl has proven it there/);
    assert.equal(await stateOf(host), green);
  });

  await t.test(
    '--no-rollback keeps what is red; a rollback shows its plan, goes back, and can be undone',
    async () => {
      const kept = await berth('apply', file, '--yes', '--no-rollback');
      assert.equal(kept.exitCode, 18, kept.output);
      const bad = await stateOf(host);
      assert.notEqual(bad, green);
      const plan = await berth('rollback', file, '--check');
      assert.equal(plan.exitCode, 2, plan.output);
      assert.equal(await stateOf(host), bad);
      const back = await berth('rollback', file, '--yes', '--verbose');
      assert.equal(back.exitCode, 0, back.output);
      assert.match(back.output, /^ +-.*"reject"/m);
      assert.match(back.output, /remove .*jq/);
      assert.equal(await stateOf(host), green);
      const again = await berth('rollback', file, '--yes');
      assert.equal(again.exitCode, 18, again.output);
      assert.equal(await stateOf(host), bad);
      // What is red there already is not the work of another change.
      changed(`${red}  kernel: { sysctls: { net.ipv4.conf.all.log_martians: 0 } }\n`);
      const another = await berth('apply', file, '--yes');
      assert.equal(another.exitCode, 18, another.output);
      assert.match(
        another.output,
        /it was red before this change, and is in nothing else now \(.*\): the change stays/,
      );
      assert.doesNotMatch(another.output, /goes back|went back/);
      assert.match(await host.output('cat /etc/sysctl.d/90-berth.conf'), /log_martians = 0/);
      const named = await berth('rollback', file, '3', '--yes');
      assert.equal(named.exitCode, 0, named.output);
      assert.equal(await stateOf(host), green);
    },
  );

  await t.test('the list tells what happened', async () => {
    const { exitCode, output } = await berth('rollback', file, '--list');
    assert.equal(exitCode, 0, output);
    assert.match(output, /^ +1 .* apply, \d+ changes .*done, verified red, rolled back by 2$/m);
    assert.match(output, /^ +3 .* apply, \d+ changes +done, verified green$/m);
    const json = await berth('rollback', file, '--list', '--json');
    const line = json.output.split('\n').find((text) => text.includes('"kind":"generations"')) ?? '';
    assert.equal(JSON.parse(line).generations.length, 10);
    const unknown = await berth('rollback', file, '77', '--yes');
    assert.equal(unknown.exitCode, 10, unknown.output);
  });

  await t.test('before berth and back again', async () => {
    const gone = await berth('rollback', file, '0', '--yes');
    assert.equal(gone.exitCode, 0, gone.output);
    assert.equal(await stateOf(host), bare);
    // What is there from now on is what a reset would bring back.
    await host.output('echo mine > /etc/crictl.yaml');
    assert.equal((await berth('apply', file, '--yes', '--tags', 'crictl')).exitCode, 0);
    assert.doesNotMatch(await host.output('cat /etc/crictl.yaml'), /mine/);
    const reset = await berth('reset', file, '--check');
    assert.match(reset.output, /restore \/etc\/crictl\.yaml as it was before berth/);
    assert.doesNotMatch(reset.output, /berthd|sysctl/);
    assert.equal((await berth('rollback', file, '--yes')).exitCode, 0);
    assert.equal(await host.output('cat /etc/crictl.yaml; rm /etc/crictl.yaml'), 'mine\n');
    const back = await berth('rollback', file, '10', '--yes');
    assert.equal(back.exitCode, 0, back.output);
    assert.equal(await stateOf(host), green);
  });

  await t.test(
    'a reset of a host that went back to before berth takes away what berth remembers',
    async () => {
      assert.equal((await berth('rollback', file, '0', '--yes')).exitCode, 0);
      assert.match((await berth('rollback', file, '0', '--yes')).output, /nothing to do/);
      const reset = await berth('reset', file, '--yes');
      assert.equal(reset.exitCode, 0, reset.output);
      assert.match(reset.output, /delete berth's records on the host/);
      assert.equal(
        await host.output('ls -d /var/lib/berth-install 2>&1 || true'),
        "ls: cannot access '/var/lib/berth-install': No such file or directory\n",
      );
      const again = await berth('reset', file, '--yes');
      assert.match(again.output, /Nothing to do: nothing of berth is left on these hosts/);
    },
  );
});
