import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { artifactCache, type Run, Running } from '../../../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../../../harness/embedded.ts';

const checkout = resolve(import.meta.dirname, '../../../..');
const profile = join(checkout, 'profiles/vagrant.yaml');

interface Machines {
  readonly environment: NodeJS.ProcessEnv;
  readonly overlay: string;
  readonly dotfiles: string;
  vagrant(...args: string[]): Promise<Run>;
  berth(...args: string[]): Promise<Run>;
  /** Which hosts are behind the machines of the Vagrantfile. */
  are(hosts: Readonly<Record<string, EmbeddedHost>>): void;
}

/** The Vagrantfile of the project and the real vagrant, with a provider whose machines are embedded hosts. */
const machines = (t: TestContext): Machines => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-vagrant-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = join(folder, 'home');
  const dotfiles = join(folder, 'dot');
  const list = join(folder, 'machines.json');
  const overlay = join(folder, 'overlay.yaml');
  mkdirSync(home);
  cpSync(join(checkout, 'test/harness/vagrant/Vagrantfile'), join(home, 'Vagrantfile'));
  writeFileSync(overlay, 'spec: { artifacts: { source: go }, verify: { level: smoke } }\n');
  const environment = {
    VAGRANT_HOME: home,
    VAGRANT_DOTFILE_PATH: dotfiles,
    VAGRANT_CHECKPOINT_DISABLE: '1',
    BERTH_TEST_MACHINES: list,
    BERTH_OPTIONS: `--overlay ${overlay}`,
    BERTH_CACHE: artifactCache,
  };
  return {
    environment,
    overlay,
    dotfiles,
    berth: (...args) => new Running([...args, '--overlay', overlay], environment).ended,
    vagrant: (...args) =>
      new Promise((done) => {
        const options = {
          cwd: join(checkout, 'vagrant'),
          env: { ...process.env, ...environment },
          maxBuffer: 1e8,
        };
        execFile('vagrant', args, options, (error, stdout, stderr) =>
          done({ exitCode: error === null ? 0 : Number(error.code ?? 1000), output: stdout + stderr }),
        );
      }),
    are: (hosts) => {
      const infos = Object.entries(hosts).map(([name, { ssh }]) => [
        name,
        { host: ssh.host, port: ssh.port, username: ssh.user, private_key_path: ssh.identityFiles },
      ]);
      writeFileSync(list, JSON.stringify(Object.fromEntries(infos)));
    },
  };
};

test('vagrant accepts the Vagrantfile', async (t) => {
  const { vagrant } = machines(t);
  const validated = await vagrant('validate', '--ignore-provider');
  assert.equal(validated.exitCode, 0, validated.output);
});

test('vagrant up makes nodes of a Fedora and an Ubuntu machine, which berth then knows by their keys', async (t) => {
  const { vagrant, berth, are, dotfiles } = machines(t);
  const [fedora, ubuntu] = await Promise.all([
    embeddedHost(t, { base: 'fedora' }),
    embeddedHost(t, { base: 'ubuntu' }),
  ]);
  // Those that come with the common root file system are the same on both.
  for (const host of [fedora, ubuntu])
    await host.output(
      'rm /etc/ssh/ssh_host_ecdsa_key* /etc/ssh/ssh_host_rsa_key*; systemctl try-restart ssh.service',
    );
  are({ fedora, ubuntu });

  const early = await berth('plan', profile, '--hosts', 'ubuntu');
  assert.equal(early.exitCode, 11, early.output);
  assert.match(
    early.output,
    /ubuntu: vagrant does not say how ubuntu is reached: .*\n[\s\S]*vagrant up ubuntu/,
  );

  const up = await vagrant('up', '--provider', 'embedded');
  assert.equal(up.exitCode, 0, up.output);
  assert.match(up.output, /took the host keys of fedora through vagrant ssh/);
  assert.equal(up.output.match(/crictl has proven it/g)?.length, 2, up.output);
  for (const host of [fedora, ubuntu])
    assert.match(await host.output('crictl version'), /RuntimeName: +berth/);

  const planned = await berth('plan', profile);
  assert.equal(planned.exitCode, 0, planned.output);
  assert.doesNotMatch(planned.output, /took the host keys/);
  const proven = await berth('verify', profile, '--level', 'smoke');
  assert.equal(proven.exitCode, 0, proven.output);
  const listed = await berth('hosts', profile, '--hosts', 'fedora', '--check');
  assert.match(listed.output, new RegExp(`fedora +${fedora.ssh.host} +root`));

  // Another machine at the same place is not the one we know.
  are({ fedora: ubuntu, ubuntu });
  const other = await berth('plan', profile, '--hosts', 'fedora');
  assert.equal(other.exitCode, 12, other.output);
  assert.match(other.output, /fedora: the host key of vagrant\.test-\d+ changed/);

  // With the machine goes what is known of it.
  const folder = join(dotfiles, 'machines/ubuntu/embedded');
  assert.match(readFileSync(join(folder, 'berth-known-hosts'), 'utf8'), /^vagrant\.test-\d+ ssh-ed25519 /m);
  const destroyed = await vagrant('destroy', '--force');
  assert.equal(destroyed.exitCode, 0, destroyed.output);
  assert.deepEqual(readdirSync(folder), []);
});

test('a folder that is not there, and a machine without vagrant, are told apart', async (t) => {
  const { environment } = machines(t);
  const file = join(environment['VAGRANT_HOME'] ?? '', 'profile.yaml');
  writeFileSync(file, 'hosts: [{ name: box, vagrant: { directory: nowhere } }]\n');
  const lost = await new Running(['hosts', file], environment).ended;
  assert.equal(lost.exitCode, 10, lost.output);
  assert.match(lost.output, /there is no folder .*nowhere/);
  writeFileSync(file, 'hosts: [{ name: box, vagrant: {} }]\n');
  const programs = join(environment['VAGRANT_HOME'] ?? '', 'bin');
  mkdirSync(programs);
  for (const name of readdirSync('/usr/bin'))
    if (name !== 'vagrant') symlinkSync(join('/usr/bin', name), join(programs, name));
  const without = await new Running(['hosts', file], { ...environment, PATH: programs }).ended;
  assert.equal(without.exitCode, 13, without.output);
  assert.match(without.output, /there is no vagrant on this machine/);
});
