import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { sshCommand } from '../../../../src/inventory/embedded/reach-host.ts';
import { modulesOfBoot, newlyInstalled, removedBy } from '../../../../src/inventory/embedded/requirements.ts';
import { embeddedHost, embeddedTestFolder } from '../../../harness/embedded.ts';

test('a simulation tells which packages would be new, and which would go', () => {
  const simulation = `Inst libfoo [1.0] (1.1 Debian:12.5/stable [amd64])
Inst mmdebstrap (1.3.5-7 Debian:12.5/stable [all])
Conf mmdebstrap (1.3.5-7 Debian:12.5/stable [all])
Purg arch-test [0.20-1]
Remv other [1]
`;
  assert.deepEqual(newlyInstalled(simulation), ['mmdebstrap']);
  assert.deepEqual(removedBy(simulation), ['arch-test', 'other']);
});

test('a module that the machine loads at each boot is known by its configuration', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-modules-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'berth.conf'), '# of this node\n overlay \n;no\n\nbr_netfilter');
  writeFileSync(join(folder, 'notes.txt'), 'nfs\n');
  // Debian's modules.conf leads to /etc/modules, which need not exist.
  symlinkSync('nowhere', join(folder, 'modules.conf'));
  assert.deepEqual([...(await modulesOfBoot(folder))].sort(), ['br_netfilter', 'overlay']);
  assert.equal((await modulesOfBoot(join(folder, 'absent'))).size, 0);
});

const checkout = resolve(import.meta.dirname, '../../../..');

/** Installs, lets a package of somebody else come to need one of them, removes; in a bare Debian. */
const program = `
import { execFileSync } from 'node:child_process';
import { installRequirements, missingRequirements, removeRequirements } from '/berth/src/inventory/embedded/requirements.ts';
const work = { folder: '/var/lib/probe', signal: new AbortController().signal };
const packages = () => execFileSync('dpkg-query', ['--show'], { encoding: 'utf8' });
const apt = () => execFileSync('find', ['/var/lib/apt/lists', '/var/cache/apt/archives', '-type', 'f'], { encoding: 'utf8' });
const folders = () => execFileSync('find', ['/var/lib', '-maxdepth', '1', '!', '-name', 'probe'], { encoding: 'utf8' }).split('\\n').sort();
const before = [packages(), apt()];
const foldersBefore = folders();
const missing = (await missingRequirements()).packages;
const added = await installRequirements(work);
const again = await installRequirements(work);
// What the next boot would do.
execFileSync('systemd-tmpfiles', ['--create'], { stdio: 'ignore' });
const kept = await removeRequirements(work);
const left = folders().filter((folder) => !foldersBefore.includes(folder));
const after = [packages(), apt()];
console.log(JSON.stringify({ missing, added, again, kept, left, same: after[0] === before[0], aptSame: after[1] === before[1] }));
`;

test('exactly the packages that were missing are installed and removed again', async (t) => {
  const host = await embeddedHost(t);
  const ssh = [...sshCommand(host.address, embeddedTestFolder), 'mkdir /berth && tar -C /berth -x'];
  const quoted = ssh.map((word) => `'${word}'`).join(' ');
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const files = `src package.json node_modules/zx node_modules/node-linux-${arch}/bin`;
  await promisify(execFile)('sh', ['-c', `tar -C '${checkout}' -c ${files} | ${quoted}`]);
  const node = `/berth/node_modules/node-linux-${arch}/bin/node --disable-warning=ExperimentalWarning`;
  const answer = await host.output(
    `cat > /berth/probe.ts <<'PROGRAM'\n${program}\nPROGRAM\n${node} /berth/probe.ts`,
  );
  const seen = JSON.parse(answer.trim().split('\n').at(-1) ?? '');
  for (const name of seen.missing) assert.ok(seen.added.includes(name), name);
  assert.ok(seen.missing.includes('mmdebstrap') && seen.missing.includes('systemd-container'), answer);
  assert.deepEqual(seen.again, []);
  assert.deepEqual(seen.kept, []);
  assert.deepEqual(seen.left, []);
  assert.equal(seen.same, true, 'the packages differ');
  assert.equal(seen.aptSame, true, "apt's own lists or archives differ");
});
