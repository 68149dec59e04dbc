import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { dialInNamespace } from '../../../runtime/linux/dial.ts';
import { isMountPoint } from '../../../runtime/linux/mounts.ts';
import {
  inNamespace,
  type PinRequest,
  pinNamespaces,
  unpinNamespace,
} from '../../../runtime/linux/namespaces.ts';

const own = () => ['net', 'ipc', 'uts'].map((kind) => readlinkSync(`/proc/thread-self/ns/${kind}`));

async function pinned(
  request: Omit<PinRequest, 'dir'>,
  work: (paths: Record<string, string>, dir: string) => unknown,
) {
  const dir = mkdtempSync('/dev/shm/berth-ns-');
  try {
    const paths = pinNamespaces({ dir, ...request });
    try {
      await work({ ...paths }, dir);
    } finally {
      for (const path of Object.values(paths)) unpinNamespace(path);
    }
    assert.deepEqual(readdirSync(dir), []);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('pinned namespaces are others than this thread’s, which stays where it was', async () => {
  const before = own();
  const host = hostname();
  await pinned({ kinds: ['net', 'ipc', 'uts'], hostname: 'a-pod' }, ({ net = '', ipc = '', uts = '' }) => {
    assert.deepEqual(own(), before);
    assert.ok([net, ipc, uts].every(isMountPoint));
    for (const [index, path] of [net, ipc, uts].entries()) {
      const inside = inNamespace(path, () => own()[index]);
      assert.notEqual(inside, before[index]);
    }
    assert.equal(inNamespace(uts, hostname), 'a-pod');
    assert.deepEqual([own(), hostname()], [before, host]);
  });
});

test('the loopback of a pinned network is up and is its only interface', () =>
  pinned({ kinds: ['net'] }, ({ net = '' }) => {
    const interfaces = inNamespace(net, () => networkInterfaces());
    assert.deepEqual(Object.keys(interfaces), ['lo']);
    assert.equal(interfaces['lo']?.[0]?.address, '127.0.0.1');
  }));

test('sysctls are written inside and nowhere else', async () => {
  const path = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  const before = readFileSync(path, 'utf8');
  const sysctls = {
    'net.ipv4.ip_unprivileged_port_start': '7',
    'kernel.shm_rmid_forced': '1',
    'net/ipv4/ip_forward': '1',
  };
  await pinned({ kinds: ['net', 'ipc'], sysctls }, ({ net = '' }) => {
    assert.equal(inNamespace(net, () => readFileSync(path, 'utf8')).trim(), '7');
  });
  assert.equal(readFileSync(path, 'utf8'), before);
});

test('a sysctl that cannot be written leaves nothing pinned and the thread at home', () => {
  const dir = mkdtempSync('/dev/shm/berth-ns-');
  const before = own();
  try {
    for (const sysctls of [{ 'net.ipv4.no_such_thing': '1' }, { 'net/../../kernel/hostname': 'x' }] as Record<
      string,
      string
    >[]) {
      assert.throws(() => pinNamespaces({ dir, kinds: ['net', 'uts'], sysctls }));
      assert.deepEqual([readdirSync(dir), own()], [[], before]);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('work that throws inside a namespace comes home too', () =>
  pinned({ kinds: ['net'] }, ({ net = '' }) => {
    const before = own();
    assert.throws(
      () =>
        inNamespace(net, () => {
          throw new Error('inside');
        }),
      /inside/,
    );
    assert.deepEqual(own(), before);
  }));

test('forty rounds leak no descriptor', async () => {
  await pinned({ kinds: ['net'] }, () => {});
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 40; round += 1)
    await pinned({ kinds: ['net', 'ipc', 'uts'] }, ({ net = '' }) => inNamespace(net, () => 0));
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('letting go twice is no error', () =>
  pinned({ kinds: ['uts'] }, ({ uts = '' }) => {
    unpinNamespace(uts);
    unpinNamespace(uts);
    assert.equal(existsSync(uts), false);
  }));

test('a connection made in a namespace reaches its loopback and no other', () =>
  pinned({ kinds: ['net'] }, async ({ net = '' }, dir) => {
    const server = spawn(
      'nsenter',
      [`--net=${net}`, 'busybox', 'nc', '-l', '-p', '7070', '-e', 'echo', 'from the pod'],
      { cwd: dir, stdio: 'ignore' },
    );
    try {
      assert.equal(await answer(net, 7070), 'from the pod\n');
      await assert.rejects(answer(net, 7071, 0), /ECONNREFUSED/);
    } finally {
      server.kill('SIGKILL');
    }
  }));

/** What the server says; the server needs a moment to listen. */
async function answer(net: string, port: number, attempts = 100): Promise<string> {
  try {
    return await new Promise((resolve, reject) => {
      let said = '';
      const socket = dialInNamespace(net, { host: '127.0.0.1', port });
      socket.on('data', (chunk) => {
        said += chunk;
      });
      socket.on('end', () => resolve(said));
      socket.on('error', reject);
    });
  } catch (error) {
    if (attempts === 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return answer(net, port, attempts - 1);
  }
}

test('a path that is no namespace is refused', () => {
  assert.throws(() => inNamespace(join('/proc/self', 'status'), () => 0));
});
