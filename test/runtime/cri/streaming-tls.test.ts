import assert from 'node:assert/strict';
import test from 'node:test';
import { say, startBusyboxNode } from '../../harness/busybox-node.ts';
import { Authority } from '../streaming/authority.ts';

test('berthd serves streams with the certificates that crio.conf names, and takes new ones without a restart', async (t) => {
  let authority: Authority | undefined;
  const { node, podOf, start } = await startBusyboxNode(t, {
    dropIn: (folder) => {
      authority = new Authority(folder, 'first');
      const { cert, key } = authority.issue('server');
      return `[crio.api]
stream_enable_tls = true
stream_tls_cert = "${cert}"
stream_tls_key = "${key}"
stream_tls_ca = "${authority.cert}"
`;
    },
  });
  assert.ok(authority);
  const { cert, key } = authority.issue('client');
  const pod = await podOf('tls');
  const containerId = await start(pod, 'one', say('sleep 1000'));
  const { url } = await node.runtime.exec({ containerId, cmd: ['true'], stdout: true });
  assert.match(url, /^https:/);
  const identity = ['--tls-ca', authority.cert, '--tls-cert', cert, '--tls-key', key];
  for (const transport of ['spdy', 'websocket'])
    assert.equal(
      await node.crictl('exec', '-r', transport, ...identity, containerId, 'echo', 'hello'),
      'hello',
    );
  const stranger = new Authority(node.folder, 'stranger').issue('stranger');
  const foreign = ['--tls-ca', authority.cert, '--tls-cert', stranger.cert, '--tls-key', stranger.key];
  assert.match(
    await node.crictlFailing('exec', ...foreign, containerId, 'true'),
    /tls|EOF|reset|broken pipe/,
  );
  authority.issue('server');
  assert.equal(await node.crictl('exec', ...identity, containerId, 'echo', 'again'), 'again');
  assert.match(node.daemon.log(), /took the new certificates/);
});
