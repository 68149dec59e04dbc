import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test, { after, before } from 'node:test';
import { checkoutDisk, vmImage } from './image.ts';
import { bootMachine, type Machine } from './machine.ts';

/** Deadline of one berth command in the emulated machine. */
const commandSeconds = 3600;
const script = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');
const insideHost =
  'ssh -q -F none -i /var/lib/berth-quickstart/hosts/quick/id -o UserKnownHostsFile=/var/lib/berth-quickstart/hosts/quick/known_hosts root@10.199.77.2';

/** A profile for the machine itself; the image comes from berth, as in the quick start. */
const ownProfile = `apiVersion: berth.dev/v1
kind: NodeProfile
hosts: [{ name: vm, local: {} }]
spec:
  registries: { insecure: ['localhost:5000'] }
  verify: { level: node, image: 'localhost:5000/crio/redis:alpine', imageSource: embedded }
`;

let machine: Machine;
before(async () => {
  const crictl = process.env['BERTH_TEST_CRICTL'];
  assert.ok(crictl, 'run it by: npm run test:vm');
  const version = basename(crictl).replace('crictl-', '');
  machine = await bootMachine(await vmImage('desk'), {
    more: async (folder) => [await checkoutDisk(folder, { crictl, version })],
    oneThread: true,
  });
});
after(() => machine?.remove());

/** Runs a command in the checkout of the machine; answers what it said. Throws when it fails. */
const inCheckout = (command: string): Promise<string> =>
  machine.output(
    `cd /root/berth && export BERTH_ARTIFACTS=/root/berth/artifacts && { ${command}; } 2>&1`,
    commandSeconds,
  );
const state = (): Promise<string> => machine.output(script('state.sh'));

/** `name value` lines → a map; lines that begin with # are evidence for a person. */
const facts = (text: string): Map<string, string> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.replace(/ .*/, ''), line.replace(/^\S* ?/, '')]),
  );

/** What containers do on a node with systemd and cgroup v2, whatever is killed under them. */
const assertContainers = (text: string, exitCode: string): void => {
  const seen = facts(text);
  const expected: Record<string, string> = {
    cgroup: 'cgroup2fs',
    'memory.max': '33554432',
    'cpu.max': '50000 100000',
    updated: '50331648 30000 100000',
    'scope-memory': '50331648',
    'stats-limit': '50331648',
    hungry: '137 OOMKilled',
    modest: '0 Completed',
    'berthd-struck': 'CONTAINER_RUNNING',
    'shim-struck': 'CONTAINER_RUNNING',
    'both-struck': 'CONTAINER_RUNNING',
    restarted: 'CONTAINER_RUNNING',
    'same-pid': 'yes',
    exec: 'through',
    counter: exitCode,
    log: 'whole',
    'stored-after': '0',
    slice: 'empty',
  };
  for (const [name, value] of Object.entries(expected))
    assert.equal(seen.get(name), value, `${name}\n${text}`);
  assert.match(seen.get('scope') ?? '', /^\/vmtest\.slice\/berth-[0-9a-f]{64}\.scope$/, text);
  assert.ok(Number(seen.get('stats-cpu')) > 0, text);
  assert.ok(Number(seen.get('stored')) >= 4, `descriptors are in systemd's store\n${text}`);
};

const sameState = async (was: string): Promise<void> =>
  assert.deepEqual((await state()).split('\n'), was.split('\n'));

let pristine: string;

test('the quick start makes and proves a host on a machine with systemd and cgroup v2', async () => {
  assert.equal((await machine.output('stat -fc %T /sys/fs/cgroup')).trim(), 'cgroup2fs');
  pristine = await state();
  const said = await inCheckout('npm run quickstart -- --ci');
  assert.match(said, /install +systemd-container mmdebstrap/);
});

test('a second quick start changes nothing', async () => {
  const said = await inCheckout('npm run quickstart -- --ci');
  assert.match(said, /nothing was put on this machine/);
  assert.doesNotMatch(said, /apply: [0-9]+ steps/);
});

test('containers of the embedded host have limits and survive what befalls the daemons', async () => {
  // Its pid namespace hides the process connector, and before Linux 6.15 nothing else tells such an exit.
  const said = await machine.output(
    `${insideHost} sh -s << 'SCRIPT'\n${script('containers.sh')}\nSCRIPT`,
    commandSeconds,
  );
  assertContainers(said, '255');
});

test('the embedded host is a working node again after its reboot', async () => {
  const boot = (
    await machine.output(`${insideHost} systemctl show --property UserspaceTimestampMonotonic`)
  ).trim();
  await machine.run(`${insideHost} systemctl reboot`);
  // The kernel is the machine's, so its boot_id stays; the host's init is another.
  await machine.output(
    `for i in $(seq 120); do sleep 2
      now=$(timeout 60 ${insideHost} -o ConnectTimeout=5 'systemctl is-system-running --wait > /dev/null; systemctl show --property UserspaceTimestampMonotonic') || continue
      [ "$now" = '${boot}' ] || exit 0
    done; exit 1`,
    900,
  );
  await inCheckout('src/cli/berth verify --ci profiles/quickstart.yaml');
});

test('--remove leaves the machine as it was', async () => {
  await inCheckout('npm run quickstart -- --remove --ci');
  await sameState(pristine);
});

test('berth apply turns the machine itself into a node, and a second one plans nothing', async () => {
  // berth makes the image with it.
  await machine.output('apt-get -qq update && apt-get -qq install -y mmdebstrap > /dev/null', commandSeconds);
  pristine = await state();
  await machine.output(`cat > /root/node.yaml << 'X'\n${ownProfile}X\n`);
  await inCheckout('src/cli/berth apply --yes --ci /root/node.yaml');
  await inCheckout('src/cli/berth plan --ci /root/node.yaml');
});

test('containers of the machine itself have limits and survive what befalls the daemons', async () => {
  assertContainers(await machine.output(script('containers.sh'), commandSeconds), '7');
});

test('the machine is a working node again after its reboot', async () => {
  await machine.reboot();
  await inCheckout('src/cli/berth verify --ci /root/node.yaml');
  await inCheckout('src/cli/berth plan --ci /root/node.yaml');
});

test('reset brings back what was there before', async () => {
  await inCheckout('src/cli/berth reset --yes --ci /root/node.yaml');
  await machine.output('rm -rf /root/node.yaml');
  await sameState(pristine);
});
