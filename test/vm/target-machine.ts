import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { Running } from '../e2e/berth.ts';
import { vmImage } from './image.ts';
import { bootMachine, type Machine } from './machine.ts';

/*
 * The short part of `npm run test:vm`: a machine with its own kernel, systemd as PID 1 and pure cgroup v2 that
 * berth reaches over SSH, as it would a machine in a data centre. Only the machine is emulated.
 */

const script = readFileSync(join(import.meta.dirname, 'state.sh'), 'utf8');
/** What apt knows of its archives is newer after an installation. */
const state = async (): Promise<string[]> => {
  const lines = (await machine.output(script)).split('\n');
  return lines.slice(0, lines.indexOf('== apt'));
};

let folder: string;
let machine: Machine;
let profile: string;

before(async () => {
  const image = await vmImage('target');
  folder = mkdtempSync(join(tmpdir(), 'berth-target-'));
  machine = await bootMachine(image);
  profile = join(folder, 'profile.yaml');
  const [type, key] = readFileSync(image.hostKey, 'utf8').split(' ');
  writeFileSync(join(folder, 'known_hosts'), `[127.0.0.1]:${machine.port} ${type} ${key}\n`);
  writeFileSync(
    profile,
    `hosts:
  - name: vm
    ssh: { host: 127.0.0.1, port: ${machine.port}, user: root, identityFiles: [${image.identity}], knownHostsFiles: [known_hosts] }
spec:
  artifacts: { source: go }
  registries: { insecure: ['localhost:5000'] }
  verify: { level: node, image: 'localhost:5000/crio/redis:alpine', imageSource: embedded }
`,
  );
});
after(async () => {
  await machine?.remove();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const berth = async (...args: string[]): Promise<string> => {
  const { exitCode, output } = await new Running([...args, '--ci', profile]).ended;
  assert.equal(exitCode, 0, output);
  return output;
};

test('a machine with systemd, cgroup v2 and its own kernel: apply, nothing more to do, reboot, verify, reset', async (t) => {
  let pristine: readonly string[] = [];
  await t.test('apply makes and proves the node', async () => {
    assert.equal((await machine.output('stat -fc %T /sys/fs/cgroup')).trim(), 'cgroup2fs');
    pristine = await state();
    await berth('apply', '--yes');
  });
  await t.test('a second one would do nothing', async () => {
    await berth('plan');
  });
  await t.test('the node is whole after a reboot', async () => {
    await machine.reboot();
    await berth('verify');
    await berth('plan');
  });
  await t.test('reset brings back what was there before', async () => {
    await berth('reset', '--yes');
    assert.deepEqual(await state(), pristine);
  });
});
