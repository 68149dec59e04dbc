import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { planFileText } from '../../src/flows/saved-plan.ts';
import { embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor, Running } from './berth.ts';

test('a saved plan is carried out exactly, on hosts that have not moved, and services restart for what they read alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-plans-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = profileFor(host, folder, '  policy: { default: accept }\n');
  const secret = 'not-to-be-seen-anywhere';
  process.env['BERTH_TEST_SECRET'] = secret;
  const smoke = readFileSync(profile, 'utf8')
    .replace('level: node', 'level: smoke')
    .replace(
      'registries: {',
      'registries: { auth: [{ registry: quay.io, username: me, password: { env: BERTH_TEST_SECRET } }],',
    );
  writeFileSync(profile, smoke);
  const plan = join(folder, 'saved');
  const exits = async (code: number, ...args: string[]): Promise<string> => {
    const { exitCode, output } = await berth(...args);
    assert.equal(exitCode, code, `berth ${args.join(' ')}\n${output}`);
    return output;
  };
  /** Also not as registries write it. */
  const requireUnseen = (text: string): void => {
    assert.ok(!text.includes(secret) && !text.includes(Buffer.from(`me:${secret}`).toString('base64')));
  };
  const pid = async (unit: string) => (await host.output(`systemctl show -p MainPID --value ${unit}`)).trim();

  await t.test(
    'the file is whole, for its owner alone, and names no place of this machine for programs',
    async () => {
      const output = await exits(2, 'plan', profile, '-o', plan);
      assert.match(output, /berth apply .*saved/);
      assert.equal(statSync(plan).mode & 0o777, 0o600);
      const saved = JSON.parse(readFileSync(plan, 'utf8'));
      assert.equal(saved.kind, 'Plan');
      const contents = saved.hosts[0].changes.flatMap((change: { steps: { content?: object }[] }) =>
        change.steps.flatMap(({ content }) => content ?? []),
      );
      const kinds = new Set(contents.map(({ kind }: { kind: string }) => kind));
      assert.deepEqual([...kinds].toSorted(), ['artifact', 'secret', 'text']);
      requireUnseen(readFileSync(plan, 'utf8'));
      for (const content of contents) assert.equal('path' in content, false, JSON.stringify(content));
    },
  );

  await t.test('a host that moved is refused, and it is said what moved', async () => {
    await host.output('echo mine > /etc/crictl.yaml');
    const moved = await exits(17, 'apply', plan);
    assert.match(moved, /files \/etc\/crictl\.yaml: absent → file 644 0:0 sha256 [0-9a-f]{12}…/);
    assert.equal(
      await host.output('cat /etc/crictl.yaml; ls /var/lib/berth-install 2>&1 || true'),
      "mine\nls: cannot access '/var/lib/berth-install': No such file or directory\n",
    );
    await host.output('rm /etc/crictl.yaml');
  });

  await t.test('another host at the same address is refused as another host', async () => {
    await host.output(
      'cp /etc/machine-id /root/machine-id; tr 0-9a-f 1-9a-f0 < /root/machine-id > /etc/machine-id',
    );
    const moved = await exits(17, 'apply', plan);
    assert.match(moved, /another host answers at this address/);
    assert.match(moved, /system identity: [0-9a-f]/);
    await host.output('cat /root/machine-id > /etc/machine-id; rm /root/machine-id');
  });

  await t.test(
    'a plan of another version, of another berth, or damaged is refused with the remedy',
    async () => {
      const saved = JSON.parse(readFileSync(plan, 'utf8'));
      const other = join(folder, 'other');
      const refused = async (changed: object, text: RegExp) => {
        writeFileSync(other, JSON.stringify({ ...saved, ...changed }));
        assert.match(await exits(10, 'apply', other), text);
      };
      await refused({ version: 2 }, /plan of version 2; this berth knows version 1/);
      await refused({ berth: '99.0.0' }, /made by berth 99\.0\.0.*plan again/s);
      await refused({ hosts: [] }, /damaged plan: its digest/);
      writeFileSync(other, readFileSync(plan, 'utf8').slice(0, -200));
      assert.match(await exits(10, 'apply', other), /damaged plan/);
      assert.match(await exits(10, 'apply', plan, '--tags', 'cni'), /saved plan/);
    },
  );

  await t.test('another profile than the planned one is refused', async () => {
    writeFileSync(profile, smoke.replace('default: accept', 'default: reject'));
    assert.match(await exits(17, 'apply', plan), /not the profile that was planned/);
    writeFileSync(profile, smoke);
  });

  await t.test('what somebody wrote into the file, digest included, is not done', async () => {
    const { sha256: _, ...saved } = JSON.parse(readFileSync(plan, 'utf8'));
    const change = saved.hosts[0].changes.find(({ id }: { id: string }) => id === 'file:/etc/crictl.yaml');
    change.steps.push({ kind: 'run', argv: ['touch', '/root/written-in'], deadlineSeconds: 5 });
    const other = join(folder, 'other');
    writeFileSync(other, planFileText(saved));
    assert.match(await exits(17, 'apply', other), /crictl\.yaml, other steps would be taken today/);
    assert.equal((await host.run('test -e /root/written-in')).exitCode, 1);
  });

  await t.test('a secret that changed since is no secret of this plan', async () => {
    const { exitCode, output } = await new Running(['apply', plan], { BERTH_TEST_SECRET: 'another one' })
      .ended;
    assert.equal(exitCode, 17, output);
    assert.match(output, /secret content of \/\S+ is not the one that was planned/);
  });

  await t.test('else it is carried out, whatever the file is called, and only once', async () => {
    const named = join(folder, 'plan.yaml');
    renameSync(plan, named);
    const log = join(folder, 'apply.jsonl');
    const output = await exits(0, 'apply', named, '--log-file', log);
    requireUnseen(output + readFileSync(log, 'utf8'));
    assert.match(
      await host.output('cat /etc/crio/registries-auth.json'),
      new RegExp(Buffer.from(`me:${secret}`).toString('base64')),
    );
    assert.match(output, /crictl has proven it/);
    const again = await exits(17, 'apply', named);
    assert.match(again, /node: the host is what the plan would make of it: it was carried out already/);
    assert.doesNotMatch(again, /→/);
  });

  await t.test('--check says whether there is something to do, and does nothing', async () => {
    await exits(0, 'apply', profile, '--check');
    await host.output('echo "# mine" >> /etc/crictl.yaml; chmod 600 /etc/berth/policy.json');
    const output = await exits(2, 'apply', profile, '--check');
    assert.match(output, /-# mine/);
    await exits(2, 'reset', profile, '--check');
    assert.match(await host.output('cat /etc/crictl.yaml'), /mine/);
  });

  await t.test('--tags changes one concern alone and says what is left; a mistyped one is told', async () => {
    assert.match(await exits(10, 'plan', profile, '--tags', 'critcl'), /did you mean crictl\?/);
    const output = await exits(0, 'apply', profile, '--yes', '--tags', 'crictl');
    assert.match(output, /Not verified/);
    assert.doesNotMatch(await host.output('cat /etc/crictl.yaml'), /mine/);
  });

  await t.test('a mode that is put right restarts nobody', async () => {
    const before = [await pid('berthd'), await pid('berth-shim')];
    const output = await exits(0, 'apply', profile, '--yes');
    assert.match(output, /correct \/etc\/berth\/policy\.json/);
    assert.deepEqual([await pid('berthd'), await pid('berth-shim')], before);
    await exits(0, 'plan', profile);
  });

  /** Puts the other content there by hand; the daemon runs with what it read before. */
  const byHand = `
    cp /etc/berth/policy.json /root/policy.json
    sleep 1.1
    sed 's/insecureAcceptAnything/reject/' /root/policy.json > /etc/berth/policy.json`;
  const strict = join(folder, 'strict.yaml');
  writeFileSync(strict, smoke.replace('default: accept', 'default: reject'));

  await t.test(
    'a daemon is restarted when somebody else brought its file to what the profile says',
    async () => {
      await host.output(byHand);
      const [daemon, shim] = [await pid('berthd'), await pid('berth-shim')];
      const output = await exits(0, 'apply', strict, '--yes');
      assert.match(output, /restart berthd\.service \(what it reads changed\)/);
      assert.doesNotMatch(output, /change \/etc/);
      assert.notEqual(await pid('berthd'), daemon);
      assert.equal(await pid('berth-shim'), shim);
      await exits(0, 'plan', strict);
    },
  );

  await t.test('and not when that somebody has restarted it already', async () => {
    await host.output(`sleep 1.1; cp /root/policy.json /etc/berth/policy.json; systemctl restart berthd`);
    const daemon = await pid('berthd');
    await exits(0, 'plan', profile);
    await exits(0, 'apply', profile, '--yes');
    assert.equal(await pid('berthd'), daemon);
  });

  await t.test(
    'a release that was put there by hand makes way, and only the service that ran other bytes restarts',
    async () => {
      await host.output(`
      cd /usr/lib/berth
      cp -a "$(readlink current)" by-hand
      echo '// by hand' >> by-hand/berthd.mjs
      ln -sfn by-hand current
      systemctl restart berthd berth-shim`);
      const shim = await pid('berth-shim');
      const output = await exits(0, 'apply', profile, '--yes');
      assert.match(output, /current release \(was by-hand\)/);
      assert.match(output, /restart berthd\.service \(it runs release by-hand\)/);
      assert.equal(await pid('berth-shim'), shim);
      await exits(0, 'plan', profile);
    },
  );

  await t.test(
    'after as many failures as allowed no other host is begun; the log has all of it',
    async () => {
      const fleet = join(folder, 'fleet.yaml');
      const dead = (name: string) => `  - name: ${name}\n    ssh: { host: 127.0.0.1, port: 1 }\n`;
      writeFileSync(fleet, smoke.replace('hosts:\n', `hosts:\n${dead('dead-1')}${dead('dead-2')}`));
      const log = join(folder, 'log.jsonl');
      const output = await exits(
        11,
        'apply',
        fleet,
        '--yes',
        '--parallel',
        '1',
        '--max-failures',
        '1',
        '--log-file',
        log,
      );
      assert.match(output, /Not begun after one failure: dead-2, node\./);
      assert.equal(statSync(log).mode & 0o777, 0o600);
      const lines = readFileSync(log, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.equal(lines[0].kind, 'started');
      assert.ok(lines.every(({ time }) => !Number.isNaN(Date.parse(time))));
      assert.ok(lines.some(({ kind, error }) => kind === 'failed' && error.code === 'Unreachable'));
      assert.deepEqual({ ...lines.at(-1), time: '' }, { time: '', kind: 'ended', exitCode: 11 });
    },
  );

  await t.test('--yes skips no check that fails', async () => {
    const impossible = join(folder, 'impossible.yaml');
    writeFileSync(impossible, `${smoke}  kernel: { modules: [no_such_module] }\n`);
    const before = await host.output('ls /var/lib/berth-install/generations');
    assert.match(await exits(13, 'apply', impossible, '--yes'), /no_such_module is not available/);
    assert.equal(await host.output('ls /var/lib/berth-install/generations'), before);
  });
});
