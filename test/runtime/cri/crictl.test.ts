import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startBusyboxNode } from '../../harness/busybox-node.ts';
import { crictlPath } from '../../harness/node.ts';

const run = promisify(execFile);

/** As people write them for crictl. */
const podFile = (name: string) => ({
  metadata: { name, namespace: 'default', uid: name, attempt: 1 },
  hostname: name,
  log_directory: '/logs',
  linux: { security_context: { namespace_options: { pid: 1 } } },
});

test('a walk with the real crictl', async (t) => {
  const { node, image } = await startBusyboxNode(t);
  const { crictl, crictlFailing } = node;
  const pod = { ...podFile('walk'), log_directory: `${node.folder}/logs/walk` };
  const podJson = node.file('pod.json', {
    ...pod,
    linux: { ...pod.linux, cgroup_parent: `/berth-test-${node.name}` },
  });
  const containerJson = node.file('container.json', {
    metadata: { name: 'server' },
    image: { image },
    command: ['sh', '-c', 'echo ready; echo warned >&2; exec nc -ll -p 7000 -e echo hello from the pod'],
    log_path: 'server.log',
    stdin: true,
    linux: { security_context: { namespace_options: { pid: 1 } } },
  });

  await t.test('crictl info and version', async () => {
    const info = JSON.parse(await crictl('info'));
    assert.deepEqual(
      info.status.conditions.map(({ type, status }: { type: string; status: boolean }) => [type, status]),
      [
        ['RuntimeReady', true],
        ['NetworkReady', true],
      ],
    );
    assert.match(await crictl('version'), /RuntimeName:\s+berth/);
  });

  await t.test('crictl pull and images', async () => {
    await crictl('rmi', image);
    assert.match(await crictl('pull', image), /Image is up to date for sha256:[0-9a-f]{64}/);
    assert.match(await crictl('images'), /test\/busybox\s+1\s+[0-9a-f]{13}/);
    assert.match(await crictl('inspecti', '-o', 'table', image), /Tag: 127\.0\.0\.1:\d+\/test\/busybox:1/);
    assert.match(await crictl('imagefsinfo', '-o', 'yaml'), /mountpoint: \//);
    assert.match(await crictlFailing('pull', '127.0.0.1:1/none:1'), /127\.0\.0\.1:1/);
  });

  let podId = '';
  let containerId = '';
  await t.test('crictl runp, create, start', async () => {
    podId = await crictl('runp', podJson);
    assert.match(await crictl('inspectp', '-o', 'table', podId.slice(0, 13)), /Status: SANDBOX_READY/);
    assert.match(await crictl('pods'), new RegExp(`${podId.slice(0, 13)}.*Ready\\s+walk\\s+default\\s+1`));
    containerId = await crictl('create', podId, containerJson, podJson);
    await crictl('start', containerId.slice(0, 12));
    assert.match(await crictl('ps'), new RegExp(`${containerId.slice(0, 13)}.*Running\\s+server`));
    const inspected = JSON.parse(await crictl('inspect', containerId));
    assert.equal(inspected.status.state, 'CONTAINER_RUNNING');
    assert.ok(inspected.info.pid > 1 && inspected.info.runtimeSpec.ociVersion);
  });

  await t.test('crictl logs and exec', async () => {
    await pause(100);
    const logs = await run(crictlPath(), [...node.crictlArgs, 'logs', containerId]);
    assert.deepEqual([logs.stdout, logs.stderr], ['ready\n', 'warned\n']);
    assert.equal(await crictl('exec', '-s', containerId, 'hostname'), 'walk');
    assert.equal(await crictl('exec', containerId, 'echo', 'over spdy'), 'over spdy');
    assert.equal(await crictl('exec', '-r', 'websocket', containerId, 'echo', 'over ws'), 'over ws');
    await assert.rejects(
      run(crictlPath(), [...node.crictlArgs, 'exec', containerId, 'sh', '-c', 'exit 7']),
      /code 7/,
    );
    const cat = spawn(crictlPath(), [...node.crictlArgs, 'exec', '-i', containerId, 'cat']);
    cat.stdin.end('through and back\n');
    assert.equal(await text(cat.stdout), 'through and back\n');
  });

  await t.test('crictl exec -it is a terminal', async () => {
    const command = [crictlPath(), ...node.crictlArgs, 'exec', '-it', containerId, 'sh'].join(' ');
    const script = [
      'set timeout 10',
      `spawn -noecho ${command}`,
      'expect "# "',
      'send "tty; echo n=\\$((6*7))\\r"',
      'expect "n=42"',
      'expect "# "',
      'send "exit 3\\r"',
      'expect eof',
      'exit [lindex [wait] 3]',
    ].join('\n');
    const { stdout } = await run('expect', ['-c', script]).catch((error) => error);
    assert.match(stdout, /\/dev\/pts\/\d+/);
    assert.match(stdout, /terminated with exit code 3/);
  });

  await t.test('crictl attach joins the streams of the container', async () => {
    const echo = node.file('echo.json', {
      metadata: { name: 'echo' },
      image: { image },
      command: ['cat'],
      stdin: true,
      linux: { security_context: { namespace_options: { pid: 1 } } },
    });
    const id = await crictl('create', podId, echo, podJson);
    await crictl('start', id);
    const attached = spawn(crictlPath(), [...node.crictlArgs, 'attach', '-i', id]);
    attached.stdin.write('ahoy\n');
    const [heard] = await once(attached.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
    assert.equal(String(heard), 'ahoy\n');
    const left = once(attached, 'exit');
    attached.kill('SIGKILL');
    await left;
    assert.match(await crictl('ps', '--name', 'echo'), /Running/);
    await crictl('stop', '-t', '0', id);
    await crictl('rm', id);
  });

  await t.test('crictl port-forward reaches the pod', async () => {
    const forwarding = spawn(crictlPath(), [...node.crictlArgs, 'port-forward', podId, '0:7000']);
    t.after(() => forwarding.kill());
    const [line] = await once(forwarding.stdout, 'data');
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(String(line))?.[1]);
    const socket = connect({ host: '127.0.0.1', port });
    assert.equal(await text(socket), 'hello from the pod\n');
    const ended = once(forwarding, 'exit');
    forwarding.kill('SIGINT');
    await ended;
  });

  await t.test('crictl stop, rm, stopp, rmp leave empty lists', async () => {
    await crictl('stop', '-t', '0', containerId);
    assert.match(await crictl('ps', '-a'), /Exited\s+server/);
    await crictl('rm', containerId);
    await crictl('stopp', podId);
    assert.match(await crictl('pods'), /NotReady/);
    await crictl('rmp', podId);
    assert.equal(await crictl('ps', '-aq'), '');
    assert.equal(await crictl('pods', '-q'), '');
    assert.match(await crictlFailing('inspect', containerId), /code = NotFound/);
  });
});
