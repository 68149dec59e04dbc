import assert from 'node:assert/strict';
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import { WebSocket } from 'ws';
import { NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { remains, say, startBusyboxNode, until } from '../../harness/busybox-node.ts';
import type { ContainerConfig } from '../../harness/node.ts';

const IDS = { hostId: 300_000, containerId: 0, length: 65_536 };
const { POD, NODE, CONTAINER } = NamespaceMode;

test('pods with user namespaces', async (t) => {
  const { node, image, podOf, create, start, ended, statusOf, logged } = await startBusyboxNode(t);
  const { runtime } = node;

  /** A pod whose root is user 300000 of the host. */
  const userPod = (name: string, options: object = {}, linux: object = {}) =>
    podOf(name, {
      linux: {
        cgroupParent: `/berth-test-${node.name}`,
        securityContext: {
          namespaceOptions: {
            pid: CONTAINER,
            usernsOptions: { mode: POD, uids: [IDS], gids: [IDS] },
            ...options,
          },
        },
        ...linux,
      },
    });
  const outputOf = async (pod: string, podName: string, name: string, config: ContainerConfig) => {
    const { exitCode } = await ended(await start(pod, name, config));
    const log = readFileSync(join(node.folder, 'logs', podName, `${name}.log`), 'utf8');
    const text = log
      .split('\n')
      .map((line) => line.split(' ').slice(3).join(' '))
      .join('\n')
      .trim();
    return { exitCode, lines: text.split('\n') };
  };

  await t.test('the handler tells that it has them, and the node what goes with them', async () => {
    const { runtimeHandlers, features } = await runtime.status({});
    assert.deepEqual(
      runtimeHandlers.map(({ name, features: of }) => [name, of?.userNamespaces]),
      [
        ['', true],
        ['runc', true],
      ],
    );
    assert.equal(features?.userNamespacesHostNetwork, true);
  });

  await t.test('root in the container is nobody on the host, and owns its files all the same', async () => {
    const before = remains(node);
    const pod = await userPod('users');
    const containerId = await start(pod, 'one', say('echo ready; exec sleep 1000'));
    await logged('users', 'one', 1);
    const { info } = await runtime.containerStatus({ containerId, verbose: true });
    const { pid } = JSON.parse(info['info'] ?? '');
    assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t300000\t300000\t300000\t300000$/m);
    const said = await runtime.execSync({
      containerId,
      cmd: [
        'sh',
        '-c',
        'id -u; cat /proc/self/uid_map; stat -c %u:%g /bin/busybox /etc/passwd /etc/hosts /dev/shm; touch /new && stat -c %u /new; chown fisher /etc/passwd && stat -c %u /etc/passwd; echo more >>/etc/hosts && echo hosts; echo err >/dev/stderr; : >/dev/stdout && echo named',
      ],
    });
    assert.equal(Buffer.from(said.stderr).toString(), 'err\n');
    assert.deepEqual(
      Buffer.from(said.stdout)
        .toString()
        .trim()
        .split(/\n/)
        .map((line) => line.trim().replace(/ +/g, ' ')),
      ['0', '0 300000 65536', '0:0', '0:0', '0:0', '0:0', '0', '1200', 'hosts', 'named'],
    );
    const upper = join(node.root, 'containers', containerId, 'upper');
    assert.equal(statSync(join(upper, 'new')).uid, 300_000);
    assert.equal(statSync(join(upper, 'etc/passwd')).uid, 301_200);
    for (const folder of [join(upper, '..'), join(node.runRoot, 'pod-files', pod)]) {
      const { mode, uid, gid } = statSync(folder);
      assert.deepEqual([mode & 0o777, uid, gid], [0o710, 0, 300_000], folder);
    }
    await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(remains(node), before);
  });

  await t.test(
    'root is master of the pod’s network, host name and sysctls, and of nothing outside',
    async () => {
      const sysctls = { 'net.ipv4.ping_group_range': '0 2147483647', 'kernel.shmmax': '12345678' };
      const pod = await userPod('master', {}, { sysctls });
      const { lines } = await outputOf(pod, 'master', 'one', {
        ...say(
          'hostname; cat /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/shmmax; ip addr add 192.0.2.9/32 dev eth0 && echo network; ip addr show eth0 | grep -c inet.10; mount -t tmpfs t /tmp && echo mounted; hostname other && hostname; dmesg 2>&1 | tail -1; mount -o remount,rw /proc/sys 2>&1 || true; cat /proc/1/ns/nothing 2>/dev/null; echo end',
        ),
        linux: {
          securityContext: {
            namespaceOptions: { pid: CONTAINER },
            capabilities: { addCapabilities: ['NET_ADMIN', 'SYS_ADMIN'] },
            apparmorProfile: 'unconfined', // where there is AppArmor, its default lets nobody mount
          },
        },
      });
      assert.deepEqual(lines.slice(0, 7), [
        'master',
        '0\t65535',
        '12345678',
        'network',
        '1',
        'mounted',
        'other',
      ]);
      assert.match(lines.join('\n'), /Operation not permitted/);
      assert.equal(lines.at(-1), 'end');
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  await t.test('a volume has the pod’s ids when it asks for them, and the host’s on the host', async () => {
    const volume = join(node.folder, 'volume');
    mkdirSync(volume);
    chownSync(volume, 1200, 1300);
    writeFileSync(join(volume, 'file'), 'content\n');
    const single = join(node.folder, 'single');
    writeFileSync(single, 'single\n');
    const mapped = { uidMappings: [IDS], gidMappings: [IDS] };
    const before = remains(node).mounts;
    const pod = await userPod('volumes');
    const id = await create(pod, 'one', {
      ...say(
        'stat -c %u:%g /v /v/file /single /plain; touch /v/mine; cat /ro/file; touch /ro/x 2>&1; cat /single',
      ),
      mounts: [
        { hostPath: volume, containerPath: '/v', ...mapped },
        { hostPath: volume, containerPath: '/ro', readonly: true, ...mapped },
        { hostPath: volume, containerPath: '/rro', readonly: true, recursiveReadOnly: true, ...mapped },
        { hostPath: single, containerPath: '/single', ...mapped },
        { hostPath: volume, containerPath: '/plain' },
      ],
    });
    const ours = remains(node).mounts.filter((line) => !before.includes(line));
    assert.deepEqual(
      ours.filter((line) => (line.split(' ')[4] ?? '').includes('/staged/')),
      [],
    );
    await runtime.startContainer({ containerId: id });
    assert.equal((await ended(id)).exitCode, 0);
    assert.deepEqual(
      (await logged('volumes', 'one', 7))
        .trim()
        .split('\n')
        .map((line) => line.split(' ').slice(3).join(' ')),
      ['1200:1300', '0:0', '0:0', '65534:65534', 'content', 'touch: /ro/x: Read-only file system', 'single'],
    );
    assert.equal(statSync(join(volume, 'mine')).uid, 0);
    await assert.rejects(
      create(pod, 'foreign', {
        mounts: [
          { hostPath: volume, containerPath: '/v', uidMappings: [{ ...IDS, hostId: 7 }], gidMappings: [IDS] },
        ],
      }),
      { code: status.INVALID_ARGUMENT, details: /not those of the pod's user namespace/ },
    );
    const sysfs = { hostPath: '/sys/kernel', containerPath: '/v', readonly: true, ...mapped };
    await assert.rejects(create(pod, 'no-ids', { mounts: [sysfs] }), {
      code: status.FAILED_PRECONDITION,
      details:
        /^\/sys\/kernel is on a file system of type 0x62656572, which has no ID-mapped mounts; .*hostUsers: true$/,
    });
    assert.deepEqual(readdirSync(join(node.runRoot, 'staged')), []);
    await runtime.removePodSandbox({ podSandboxId: pod });
    const host = await podOf('hosts-users');
    await assert.rejects(
      create(host, 'one', { mounts: [{ hostPath: volume, containerPath: '/v', ...mapped }] }),
      {
        code: status.INVALID_ARGUMENT,
        details: /need a pod with a user namespace/,
      },
    );
    await runtime.removePodSandbox({ podSandboxId: host });
  });

  await t.test('a pod can have the host’s network and users of its own', async () => {
    const pod = await userPod('host-network', { network: NODE });
    const { exitCode, lines } = await outputOf(
      pod,
      'host-network',
      'one',
      say(
        'cat /proc/self/uid_map; ls -d /sys/class/net/lo; stat -Lc %i /proc/self/ns/net; touch /sys/x 2>&1; ip link set lo mtu 1500 2>&1; true',
      ),
    );
    assert.equal(exitCode, 0);
    assert.match(lines[0] ?? '', /^\s*0\s+300000\s+65536$/);
    assert.equal(lines[1], '/sys/class/net/lo');
    assert.equal(lines[2], String(statSync('/proc/self/ns/net').ino));
    assert.match(lines.join('\n'), /touch: \/sys\/x: (Read-only file system|Permission denied)/);
    assert.match(lines.join('\n'), /Operation not permitted/);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('ports of the pod are reached from the host', async () => {
    const pod = await userPod('ports');
    const containerId = await start(pod, 'one', say('exec nc -ll -p 7000 -e echo hello from the pod'));
    const listens = 'case $(cat /proc/net/tcp /proc/net/tcp6) in *:1B58*) ;; *) exit 1 ;; esac';
    await until('the program listens', async () => {
      const { exitCode } = await runtime.execSync({ containerId, cmd: ['sh', '-c', listens] });
      return exitCode === 0;
    });
    const { url } = await runtime.portForward({ podSandboxId: pod, port: [7000] });
    const socket = new WebSocket(url.replace('http:', 'ws:'), 'v4.channel.k8s.io');
    let heard = '';
    socket.on('message', (data) => (heard += String(data)));
    await until('the pod has answered', () => heard.includes('hello from the pod'));
    socket.close();
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('ten pods in a row, each with a volume and an image, leave nothing', async () => {
    const before = remains(node);
    const descriptors = () =>
      [node.daemon.pid, node.shim.pid].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
    // The volume shows the very mounts that are made for the container, once more.
    const volume = {
      hostPath: node.folder,
      containerPath: '/volume',
      uidMappings: [IDS],
      gidMappings: [IDS],
    };
    const model = { containerPath: '/model', readonly: true, image: { image } };
    const round = async (name: string) => {
      const pod = await userPod(name);
      const id = await start(pod, 'one', { ...say('ls /model/bin/sh'), mounts: [volume, model] });
      assert.equal((await ended(id)).exitCode, 0);
      await runtime.removePodSandbox({ podSandboxId: pod });
    };
    await round('row-first');
    const open = descriptors();
    for (let count = 0; count < 10; count += 1) await round(`row-${count}`);
    assert.deepEqual(remains(node), before);
    await until('as few files are open as before', () => {
      const [daemon = 0, shim = 0] = descriptors();
      return daemon <= (open[0] ?? 0) && shim <= (open[1] ?? 0);
    });
  });

  await t.test('containers of one pod share its users, and its processes when they are shared', async () => {
    const pod = await userPod('shared', { pid: POD });
    const sharing = { linux: { securityContext: { namespaceOptions: { pid: POD } } } };
    const one = await start(pod, 'one', { ...sharing, ...say('exec sleep 4711') });
    const two = await start(pod, 'two', { ...sharing, ...say('exec sleep 4712') });
    const seen = await runtime.execSync({ containerId: two, cmd: ['ps', '-o', 'args'] });
    assert.match(Buffer.from(seen.stdout).toString(), /^\/pause$(.|\n)*^sleep 4711$(.|\n)*^sleep 4712$/m);
    const usersOf = async (containerId: string) => {
      const { info } = await runtime.containerStatus({ containerId, verbose: true });
      return readlinkSync(`/proc/${JSON.parse(info['info'] ?? '').pid}/ns/user`);
    };
    assert.equal(await usersOf(one), await usersOf(two));
    assert.notEqual(await usersOf(one), readlinkSync('/proc/self/ns/user'));
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('an unmasked /proc lets a container make containers, and a masked one does not', async () => {
    const pod = await userPod('nested');
    const nested = (masks: object) => ({
      ...say('unshare -U -r -p -m -f sh -c "mount -t proc proc /proc && echo $$" 2>&1'),
      linux: {
        securityContext: {
          namespaceOptions: { pid: CONTAINER },
          runAsUser: { value: 1200n },
          apparmorProfile: 'unconfined',
          ...masks,
        },
      },
    });
    assert.deepEqual((await outputOf(pod, 'nested', 'unmasked', nested({}))).lines, ['1']);
    const masked = nested({ maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'] });
    assert.match(
      (await outputOf(pod, 'nested', 'masked', masked)).lines.join(),
      /[Pp]ermission denied|not permitted/,
    );
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test(
    'a privileged container is so in its own users, and sees the devices of the host',
    async () => {
      const privileged = { privileged: true, namespaceOptions: { pid: CONTAINER } };
      const usernsOptions = { mode: POD, uids: [IDS], gids: [IDS] };
      const pod = await podOf('privileged', {
        linux: {
          cgroupParent: `/berth-test-${node.name}`,
          securityContext: { ...privileged, namespaceOptions: { pid: CONTAINER, usernsOptions } },
        },
      });
      const { exitCode, lines } = await outputOf(pod, 'privileged', 'one', {
        ...say(
          'ls -d /dev/loop-control; mount -t tmpfs t /tmp && echo mounted; date -s 2001-01-01 2>&1 | head -1',
        ),
        linux: { securityContext: privileged },
      });
      assert.equal(exitCode, 0);
      assert.deepEqual(lines.slice(0, 2), ['/dev/loop-control', 'mounted']);
      assert.match(lines[2] ?? '', /not permitted/);
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  await t.test('one user and one group are enough', async () => {
    const only = { ...IDS, length: 1 };
    const pod = await userPod('only', { usernsOptions: { mode: POD, uids: [only], gids: [only] } });
    const root = {
      linux: { securityContext: { namespaceOptions: { pid: CONTAINER }, runAsUser: { value: 0n } } },
    };
    const { lines } = await outputOf(pod, 'only', 'one', {
      ...say('id -u; stat -c %u:%g /etc/passwd'),
      ...root,
    });
    assert.deepEqual(lines, ['0', '0:0']);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a terminal works in a user namespace', async () => {
    const pod = await userPod('terminal');
    const id = await start(pod, 'one', { ...say('tty; echo >/dev/tty; exec sleep 1000'), tty: true });
    assert.match(await logged('terminal', 'one', 1), /\/dev\/(pts\/0|console)/);
    assert.equal((await statusOf(id)).exitCode, 0);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('what no pod can have is refused with the field, and leaves nothing', async () => {
    const before = remains(node);
    const refused: readonly (readonly [object, RegExp])[] = [
      [{ usernsOptions: { mode: CONTAINER } }, /mode is POD or NODE, not CONTAINER/],
      [{ usernsOptions: { mode: NamespaceMode.TARGET } }, /mode is POD or NODE, not TARGET/],
      [{ usernsOptions: { mode: POD } }, /uids has 0 mappings/],
      [{ usernsOptions: { mode: POD, uids: [IDS, IDS], gids: [IDS] } }, /uids has 2 mappings/],
      [
        { usernsOptions: { mode: POD, uids: [IDS], gids: [{ ...IDS, containerId: 1 }] } },
        /gids does not map id 0/,
      ],
      [
        { usernsOptions: { mode: POD, uids: [{ ...IDS, length: 0 }], gids: [IDS] } },
        /uids does not map id 0/,
      ],
      [
        { usernsOptions: { mode: POD, uids: [{ ...IDS, hostId: 4294967295 }], gids: [IDS] } },
        /beyond the last id/,
      ],
      [{ pid: NODE }, /namespace_options\.pid NODE cannot go with a user namespace/],
      [{ ipc: NODE }, /namespace_options\.ipc NODE cannot go with a user namespace/],
    ];
    for (const [options, details] of refused)
      await assert.rejects(userPod('refused', options), { code: status.INVALID_ARGUMENT, details });
    const pod = await userPod('small', {
      usernsOptions: { mode: POD, uids: [{ ...IDS, length: 1000 }], gids: [IDS] },
    });
    const nobody = {
      linux: { securityContext: { namespaceOptions: { pid: CONTAINER }, runAsUser: { value: 1000n } } },
    };
    await assert.rejects(create(pod, 'one', nobody), {
      code: status.INVALID_ARGUMENT,
      details: /user 1000 is not among the 1000 ids/,
    });
    await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(remains(node), before);
  });

  await t.test('a daemon that starts again knows the pod’s users', async () => {
    const pod = await userPod('restart');
    await node.daemon.kill('SIGKILL');
    await node.daemon.start();
    const { lines } = await outputOf(pod, 'restart', 'one', say('id -u; cat /proc/self/uid_map'));
    assert.match(lines.join(' '), /^0 +0 +300000 +65536$/);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });
});
