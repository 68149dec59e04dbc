import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Fail } from '../../../../src/core/fail.ts';
import { failureText } from '../../../../src/faces/failure-text.ts';
import { dial } from '../../../../src/host/transport/dial.ts';

/** A port on which the kernel answers nobody any more: the queue of a server that accepts nothing is full. */
const silentPort = async (t: TestContext): Promise<number> => {
  const server = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer().listen(0, '127.0.0.1', 1, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  t.after(() => server.terminate());
  const [port] = await once(server, 'message');
  const filling: Socket[] = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.after(() => {
    for (const socket of filling) socket.destroy();
  });
  await once(filling[0] ?? assert.fail(), 'connect');
  return port;
};

test('a host that does not answer is told in one sentence, and not by the clock that noticed it', async (t) => {
  const port = await silentPort(t);
  const to = {
    label: 'node-1',
    host: '127.0.0.1',
    port,
    deadlineMs: 500,
    signal: new AbortController().signal,
  };
  await assert.rejects(dial(to), (error) => {
    assert.ok(error instanceof Fail);
    assert.equal(error.code, 'Unreachable');
    const text = failureText(error, { style: (_, words) => words, verbose: false });
    assert.equal(
      text,
      `berth: node-1: 127.0.0.1:${port} cannot be reached: no answer within 0.5 s [Unreachable]
hint: Check that the host is up, and the route and firewalls between.
`,
    );
    return true;
  });
});
