import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { remains, startBusyboxNode, until } from '../../harness/busybox-node.ts';
import type { TestNode } from '../../harness/node.ts';

const run = promisify(execFile);

const PODS = 200;
const AT_ONCE = 8;

test(`${PODS} pods in a row through crictl leave the counts of everything where they began`, async (t) => {
  const { node, image } = await startBusyboxNode(t, { logLevel: 'info' });
  /** As people write them for crictl; 1 is a PID namespace of the container's own, 0 the pod's. */
  const pid = (number: number) => (number % 5 === 0 ? 0 : 1);
  const podFile = (number: number) => ({
    metadata: { name: `pod-${number}`, namespace: 'default', uid: `${node.name}-${number}`, attempt: 0 },
    hostname: `pod-${number}`,
    log_directory: join(node.folder, 'logs', String(number)),
    linux: {
      cgroup_parent: `/berth-test-${node.name}`,
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' },
      security_context: { namespace_options: { pid: pid(number) } },
    },
  });
  const containerFile = (number: number, command: readonly string[]) => ({
    metadata: { name: 'one' },
    image: { image },
    command,
    log_path: 'one.log',
    linux: { security_context: { namespace_options: { pid: pid(number) } } },
  });

  /** Every way in which a pod comes to its end. */
  const endings: readonly ((
    pod: string,
    create: (...command: string[]) => Promise<string>,
  ) => Promise<unknown>)[] = [
    async (_pod, create) => node.crictl('start', await create('sleep', '1000')),
    async (pod, create) => {
      const container = await create('sleep', '1000');
      await node.crictl('start', container);
      assert.equal(await node.crictl('exec', '-s', container, 'hostname'), `pod-${pod}`);
      await node.crictl('stop', '-t', '0', container);
    },
    async (_pod, create) => node.crictl('start', await create('true')),
    async (_pod, create) => create('sleep', '1000'),
    async (_pod, create) => node.crictlFailing('start', await create('/no/such/program').catch(() => 'none')),
  ];

  const onePod = async (number: number): Promise<void> => {
    const podJson = node.file(`pod-${number}.json`, podFile(number));
    const pod = await node.crictl('runp', podJson);
    const ending = endings[number % endings.length] ?? assert.fail();
    await ending(String(number), async (...command) => {
      const containerJson = node.file(`container-${number}.json`, containerFile(number, command));
      return node.crictl('create', pod, containerJson, podJson);
    });
    await node.crictl('rmp', '-f', pod);
  };
  const pods = async (from: number, count: number) => {
    const numbers = Array.from({ length: count }, (_, index) => from + index).values();
    const worker = async () => {
      for (const number of numbers) await onePod(number);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };

  await pods(0, 2 * AT_ONCE); // what is made once and kept is made now
  const before = await countsOf(node);
  const began = performance.now();
  await pods(1000, PODS);
  t.diagnostic(`${PODS} pods in ${Math.round(performance.now() - began)} ms; ${JSON.stringify(before)}`);
  let after = await countsOf(node);
  await until('connections of crictl are closed', async () => {
    after = await countsOf(node);
    return after.descriptors.daemon <= before.descriptors.daemon;
  }).catch(() => {}); // told below, with all counts
  assert.deepEqual(after, before);
});

const countsOf = async (node: TestNode) => {
  const { stdout: links } = await run('ip', ['-o', 'link', 'show', 'master', node.name]);
  const left = remains(node);
  return {
    records: left.pods.length + left.containers.length + left.layers.length,
    pinnedNamespaces: left.namespaces.length,
    mounts: left.mounts.length,
    veths: links.split('\n').filter((line) => line !== '').length,
    addresses: filesIn(join(node.folder, 'ipam', node.name)).filter((name) => /^\d+\./.test(name)).length,
    networkResults: filesIn(join(node.runRoot, 'network')).length,
    cgroups: cgroupsOf(node.name),
    ociStates: filesIn(join(node.runRoot, 'runc')).length,
    bundles: filesIn(join(node.runRoot, 'bundles')).length,
    shimFolders: filesIn(join(node.runRoot, 'shim', 'containers')).length,
    processes: processesOf(node),
    descriptors: {
      daemon: filesIn(`/proc/${node.daemon.pid}/fd`).length,
      shim: filesIn(`/proc/${node.shim.pid}/fd`).length,
      holder: filesIn(`/proc/${holderOf(node)}/fd`).length,
    },
  };
};

const filesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** In all hierarchies: what OCI runtimes made below the pods' parent, and of that what was not taken away. */
const cgroupsOf = (name: string): number =>
  ['', ...readdirSync('/sys/fs/cgroup')]
    .map((hierarchy) => join('/sys/fs/cgroup', hierarchy, `berth-test-${name}`))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
    .length;

/** Children of the daemon and the shim, dead ones that nobody reaped among them. */
const processesOf = ({ daemon, shim }: TestNode): number =>
  readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && [daemon.pid, shim.pid].includes(parentOf(pid)))
    .length;

/** Undefined when the process is gone. */
const parentOf = (pid: string): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
};

const holderOf = (node: TestNode): number =>
  JSON.parse(readFileSync(join(node.runRoot, 'shim', 'holder.json'), 'utf8')).pid;
