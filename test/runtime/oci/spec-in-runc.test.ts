import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import {
  MountPropagation,
  NamespaceMode,
  SecurityProfile_ProfileType as ProfileType,
  SupplementalGroupsPolicy,
} from '../../../runtime/spec/cri/api_pb.js';
import {
  type ContainerInit,
  createFixture,
  type Fixture,
  imageConfig,
  podOf,
  type SecurityContextInit,
} from './container-fixture.ts';

const CONTAINER_PID = { pid: NamespaceMode.CONTAINER };

const shell = (
  script: string,
  context: SecurityContextInit = {},
  more: ContainerInit = {},
): ContainerInit => ({
  command: ['sh', '-c', script],
  linux: { securityContext: { namespaceOptions: CONTAINER_PID, ...context } },
  ...more,
});

let fixture: Fixture;
before(async () => {
  fixture = await createFixture();
});
after(() => fixture.remove());

const outputOf = async (container: ContainerInit, more?: Parameters<Fixture['run']>[1]): Promise<string> => {
  const { stdout, stderr, exitCode } = await fixture.run(container, more);
  assert.equal(exitCode, 0, stderr + stdout);
  return stdout.trim();
};

const capabilitiesIn = (status: string): bigint => BigInt(`0x${/CapEff:\s*(\S+)/.exec(status)?.[1]}`);

test('a container prints, has the pod’s name and an environment of its own', async () => {
  const output = await outputOf(
    shell(
      'hostname; pwd; echo "$GREETING from $HOME"; echo $PATH',
      {},
      {
        envs: [{ key: 'GREETING', value: new TextEncoder().encode('grüße') }],
        workingDir: '/tmp',
      },
    ),
  );
  assert.deepEqual(output.split('\n'), [
    'pod-1',
    '/tmp',
    'grüße from /root',
    '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  ]);
});

test('entrypoint and cmd come from the image when the request has neither', async () => {
  const image = {
    reference: 'i',
    config: imageConfig({ Entrypoint: ['echo', 'one'], Cmd: ['two'], WorkingDir: 'tmp', Env: ['A=b'] }),
  };
  const container = { linux: { securityContext: { namespaceOptions: CONTAINER_PID } } };
  assert.equal(await outputOf(container, { image }), 'one two');
  assert.equal(await outputOf({ ...container, args: ['three'] }, { image }), 'one three');
});

test('the user, its groups and its home are the request’s', async () => {
  const script = 'id -u; id -g; id -G; echo $HOME';
  const web = await outputOf(shell(script, { runAsUsername: 'web', supplementalGroups: [50_000n] }));
  assert.deepEqual(web.split('\n'), ['1000', '1001', '1001 2000 50000', '/home/web']);
  const strict = await outputOf(
    shell(script, {
      runAsUser: { value: 1000n },
      runAsGroup: { value: 7n },
      supplementalGroupsPolicy: SupplementalGroupsPolicy.Strict,
    }),
  );
  assert.deepEqual(strict.split('\n'), ['1000', '7', '7', '/home/web']);
});

test('default capabilities are nine, and dropping ALL leaves none', async () => {
  const read = 'grep CapEff /proc/self/status';
  assert.equal(capabilitiesIn(await outputOf(shell(read))), 0x0000_0000_0000_05fbn);
  assert.equal(
    capabilitiesIn(await outputOf(shell(read, { capabilities: { dropCapabilities: ['ALL'] } }))),
    0n,
  );
  const one = shell(read, { capabilities: { dropCapabilities: ['ALL'], addCapabilities: ['NET_ADMIN'] } });
  assert.equal(capabilitiesIn(await outputOf(one)), 1n << 12n);
});

test('an ambient capability reaches a user who is not root', async () => {
  const context = { runAsUser: { value: 1000n }, capabilities: { addAmbientCapabilities: ['NET_RAW'] } };
  assert.equal(capabilitiesIn(await outputOf(shell('grep CapEff /proc/self/status', context))), 1n << 13n);
});

test('a privileged container holds what the host holds, sees its devices and no masks', async () => {
  const output = await outputOf(
    shell('grep CapEff /proc/self/status; ls /dev | grep -c .; grep -c " /proc/" /proc/self/mounts; true', {
      privileged: true,
    }),
  );
  const [capabilities = '', devices, masks] = output.split('\n');
  const own = /CapEff:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  assert.equal(capabilitiesIn(capabilities), BigInt(`0x${own}`));
  assert.ok(Number(devices) > 20, `${devices} devices`);
  assert.equal(masks, '0');
});

test('no_new_privs is set when asked for', async () => {
  const read = 'grep NoNewPrivs /proc/self/status';
  assert.match(await outputOf(shell(read, { noNewPrivs: true })), /1$/);
  assert.match(await outputOf(shell(read)), /0$/);
});

test('masked paths are empty and read-only paths refuse writing', async () => {
  const output = await outputOf(
    shell('cat /proc/timer_list | grep -c .; ls /sys/firmware; echo 1 2>&1 >/proc/sys/vm/drop_caches; true'),
  );
  assert.match(output, /^0\n/);
  assert.match(output, /Read-only file system/);
  const own = await outputOf(
    shell('ls /tmp; echo x 2>&1 > /etc/passwd; true', { maskedPaths: ['/tmp'], readonlyPaths: ['/etc'] }),
  );
  assert.match(own, /Read-only file system/);
});

test('a read-only root refuses writing, with /dev/shm still writable', async () => {
  const output = await outputOf(
    shell(
      'touch /file 2>&1; touch /etc/hosts 2>&1; touch /dev/shm/berth-$$ && rm -f /dev/shm/berth-$$ || true; echo end',
      { readonlyRootfs: true },
    ),
  );
  assert.match(output, /touch: \/file: Read-only file system/);
  assert.match(output, /touch: \/etc\/hosts: Read-only file system/);
  assert.match(output, /end$/);
});

test('RuntimeDefault filters: no new namespaces, but processes and clocks', async () => {
  const seccomp = { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
  const output = await outputOf(
    shell(
      'grep Seccomp: /proc/self/status; unshare -r true 2>&1; (echo child) ; date >/dev/null && echo date',
      { seccomp },
    ),
  );
  assert.match(output, /^Seccomp:\s*2/);
  assert.match(output, /unshare.*Operation not permitted/);
  assert.match(output, /child\ndate$/);
});

test('a program with threads and sockets, Node, runs under RuntimeDefault', async () => {
  const folders = ['/lib', '/lib64', '/usr/lib'].filter((path) => existsSync(path));
  const script = `
    const worker = new (require('node:worker_threads').Worker)('require("node:worker_threads").parentPort.postMessage(1)', { eval: true });
    worker.on('message', () => {
      const server = require('node:net').createServer((socket) => socket.end('hello'));
      server.listen(0, '127.0.0.1', () => {
        require('node:net').connect(server.address().port, '127.0.0.1').on('data', (data) => { console.log(String(data)); server.close(); });
      });
    });`;
  const output = await outputOf({
    command: ['/node', '-e', script],
    mounts: [
      ...folders.map((path) => ({ hostPath: path, containerPath: path, readonly: true })),
      { hostPath: process.execPath, containerPath: '/node', readonly: true },
    ],
    linux: {
      securityContext: {
        namespaceOptions: CONTAINER_PID,
        runAsUser: { value: 1000n },
        seccomp: { profileType: ProfileType.RuntimeDefault, localhostRef: '' },
      },
    },
  });
  assert.equal(output, 'hello');
});

test('with CAP_SYS_ADMIN RuntimeDefault lets mount through', async () => {
  const seccomp = { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
  const context = { seccomp, capabilities: { addCapabilities: ['SYS_ADMIN'] } };
  assert.equal(await outputOf(shell('mount -t tmpfs none /tmp && echo mounted', context)), 'mounted');
});

test('a Localhost profile is applied, its conditions decided', async () => {
  const path = join(fixture.folder, 'profile.json');
  writeFileSync(
    path,
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
      syscalls: [
        { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
        { names: ['chmod', 'fchmodat'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_FOWNER'] } },
      ],
    }),
  );
  const seccomp = { profileType: ProfileType.Localhost, localhostRef: path };
  const output = await outputOf(shell('mkdir /tmp/x 2>&1; chmod 777 /tmp && echo changed', { seccomp }));
  assert.match(output, /No space left on device/);
  assert.match(output, /changed$/);
});

test('without a profile, and when privileged, a container is unconfined', async () => {
  const read = 'grep Seccomp: /proc/self/status';
  assert.match(await outputOf(shell(read)), /0$/);
  const seccomp = { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
  assert.match(await outputOf(shell(read, { privileged: true, seccomp })), /0$/);
});

test('mounts: missing host folders are made, read-only ones refuse, nested ones are in order', async () => {
  const made = join(fixture.folder, 'made/by/mount');
  const file = join(fixture.folder, 'one-file');
  writeFileSync(file, 'content\n');
  const output = await outputOf(
    shell(
      'cat /data/inner/file; touch /data/x && echo wrote; touch /ro/x 2>&1; cat /etc/hosts',
      {},
      {
        mounts: [
          { containerPath: '/data/inner/file', hostPath: file },
          { containerPath: '/data', hostPath: made },
          { containerPath: '/ro', hostPath: made, readonly: true },
          { containerPath: '/etc/hosts', hostPath: file },
        ],
      },
    ),
  );
  assert.deepEqual(output.split('\n'), [
    'content',
    'wrote',
    'touch: /ro/x: Read-only file system',
    'content',
  ]);
});

test('a recursive read-only mount is read-only in the mounts below it', async () => {
  const output = await outputOf(
    shell(
      'touch /tree/shm/x 2>&1; true',
      {},
      {
        mounts: [
          {
            containerPath: '/tree',
            hostPath: '/dev',
            readonly: true,
            recursiveReadOnly: true,
            propagation: MountPropagation.PROPAGATION_PRIVATE,
          },
        ],
      },
    ),
  );
  assert.match(output, /Read-only file system/);
});

test('a device is there with the access that was asked for, and no other', async () => {
  const output = await outputOf(
    shell(
      'stat -c %t:%T /dev/asked; (: < /dev/asked) && echo read; (: > /dev/asked) 2>&1; true',
      {},
      {
        devices: [{ hostPath: '/dev/loop-control', containerPath: '/dev/asked', permissions: 'r' }],
      },
    ),
  );
  assert.match(output, /^a:ed\nread\n.*Operation not permitted$/);
});

test('limits reach the cgroup, and the OOM score the process', async () => {
  const { built, stdout, exitCode, stderr } = await fixture.run({
    command: [
      'sh',
      '-c',
      'cat /proc/self/oom_score_adj; cat /sys/fs/cgroup/memory/memory.limit_in_bytes; cat /sys/fs/cgroup/cpu/cpu.shares; ulimit -n',
    ],
    linux: {
      resources: {
        memoryLimitInBytes: 64n * 1024n * 1024n,
        cpuShares: 512n,
        oomScoreAdj: 321n,
        hugepageLimits: [{ pageSize: '1TB', limit: 0n }],
      },
      securityContext: { namespaceOptions: CONTAINER_PID },
    },
  });
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(built.notes, []);
  assert.deepEqual(stdout.trim().split('\n').slice(0, 3), ['321', '67108864', '512']);
});

test('a lower OOM score than the host gives is ours, with a note', async () => {
  const { built, stdout } = await fixture.run({
    command: ['cat', '/proc/self/oom_score_adj'],
    linux: { resources: { oomScoreAdj: -998n }, securityContext: { namespaceOptions: CONTAINER_PID } },
  });
  if (fixture.host.capabilities.has('CAP_SYS_RESOURCE')) assert.equal(stdout.trim(), '-998');
  else {
    assert.equal(stdout.trim(), String(fixture.host.oomScoreAdj));
    assert.match(built.notes.join(), /oom_score_adj: -998 needs CAP_SYS_RESOURCE/);
  }
});

test('a host-network, host-PID container joins neither', async () => {
  const options = { pid: NamespaceMode.NODE, network: NamespaceMode.NODE, ipc: NamespaceMode.NODE };
  const output = await outputOf(
    {
      command: ['sh', '-c', 'stat -Lc %i /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/ipc'],
      linux: { securityContext: { namespaceOptions: options } },
    },
    { namespaces: {}, pod: podOf('', options) },
  );
  const ino = (kind: string) => /\d+/.exec(readlinkSync(`/proc/self/ns/${kind}`))?.[0];
  assert.deepEqual(output.split('\n'), [ino('net'), ino('pid'), ino('ipc')]);
});
