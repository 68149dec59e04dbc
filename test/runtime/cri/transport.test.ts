import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Client, credentials, status } from '@grpc/grpc-js';
import { Fail, type FailCode } from '../../../runtime/core/fail.ts';
import { createListEncoder } from '../../../runtime/cri/encoded-list.ts';
import { type Handlers, implement, serve } from '../../../runtime/cri/transport.ts';
import { createLog } from '../../../runtime/observe/log.ts';
import { ContainerSchema, RuntimeService } from '../../../runtime/spec/cri/api_pb.js';
import { connectTo } from '../../harness/cri-client.ts';

/** A server with these handlers, a client of it, and the lines that it logged. */
const serving = async (t: TestContext, handlers: Handlers<typeof RuntimeService>) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-transport-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const listen = join(folder, 'made', 'cri.sock');
  const lines: string[] = [];
  const log = createLog({ level: 'debug', write: (line) => lines.push(line), journal: false });
  const start = () =>
    serve({
      listen,
      maxMessageBytes: 32 * 1024 * 1024,
      implementations: [implement(RuntimeService, handlers)],
      log,
    });
  const server = await start();
  t.after(() => server.close(100));
  const client = connectTo(RuntimeService, listen);
  t.after(() => client.close());
  return { listen, lines, client, server, start };
};

test('the socket is made with its folder, for root and its group alone, and goes with the server', async (t) => {
  const { listen, server, client } = await serving(t, {});
  assert.equal(statSync(listen).mode & 0o777, 0o660);
  client.close();
  await server.close(1000);
  assert.equal(existsSync(listen), false);
});

test('a request is decoded for the handler and its answer encoded for the client', async (t) => {
  const { client } = await serving(t, {
    version: async (request) => ({ version: request.version, runtimeName: 'bérth', runtimeApiVersion: 'v1' }),
  });
  const answer = await client.version({ version: '0.1.0' });
  assert.deepEqual([answer.version, answer.runtimeName, answer.runtimeApiVersion], ['0.1.0', 'bérth', 'v1']);
});

test('what is the caller’s own doing is no error in the log, and trouble of the node is', async (t) => {
  let code: FailCode = 'Internal';
  const { client, lines } = await serving(t, { version: () => Promise.reject(new Fail(code, 'because')) });
  const expected = {
    NotFound: 'debug refused',
    Cancelled: 'debug refused',
    InvalidArgument: 'info refused',
    AlreadyExists: 'info refused',
    DeadlineExceeded: 'info refused',
    FailedPrecondition: 'error failed',
    ResourceExhausted: 'error failed',
    Unavailable: 'error failed',
    Internal: 'error failed',
  } as const;
  for (const [each, told] of Object.entries(expected) as [FailCode, string][]) {
    code = each;
    lines.length = 0;
    await assert.rejects(client.version({}), { details: 'because' });
    assert.match(lines.join(''), new RegExp(`^${told} rpc=Version error=because code=${each}`, 'm'));
  }
});

test('a method without a handler says that it is not implemented, whether unary or streaming', async (t) => {
  const { client } = await serving(t, {});
  await assert.rejects(client.checkpointContainer({ containerId: 'x' }), {
    code: status.UNIMPLEMENTED,
    details: 'berthd does not implement CheckpointContainer yet',
  });
  await assert.rejects(client.getContainerEvents(), {
    code: status.UNIMPLEMENTED,
    details: 'berthd does not implement GetContainerEvents yet',
  });
});

test('a Fail becomes its gRPC status, with the hint in the text', async (t) => {
  const { client } = await serving(t, {
    version: async () => {
      throw new Fail('ResourceExhausted', 'the disk is full – really', { hint: 'remove images' });
    },
  });
  await assert.rejects(client.version(), {
    code: status.RESOURCE_EXHAUSTED,
    details: 'the disk is full – really; remove images',
  });
});

test('an unexpected error is Internal, and the log has its stack', async (t) => {
  const { client, lines } = await serving(t, {
    version: async () => {
      throw new TypeError('oops');
    },
  });
  await assert.rejects(client.version(), {
    code: status.INTERNAL,
    details: 'unexpected error: TypeError: oops',
  });
  assert.match(lines.join(''), /error failed rpc=Version .*oops.*transport\.test\.ts/);
});

test('a failure is told with what the request was about, and nothing else of it', async (t) => {
  const { client, lines } = await serving(t, {
    createContainer: async () => {
      throw new Fail('Unavailable', 'no');
    },
    execSync: async () => {
      throw new Fail('FailedPrecondition', 'no');
    },
  });
  const config = {
    metadata: { name: 'web' },
    envs: [{ key: 'PASSWORD', value: Buffer.from('secret') }],
  };
  await assert.rejects(client.createContainer({ podSandboxId: 'p1', config }));
  await assert.rejects(client.execSync({ containerId: 'c1', cmd: ['login', 'secret'] }));
  const told = lines.join('').match(/^error failed .*$/gm);
  assert.deepEqual(told, [
    'error failed rpc=CreateContainer pod=p1 name=web error=no code=Unavailable',
    'error failed rpc=ExecSync container=c1 error=no code=FailedPrecondition',
  ]);
});

test("the client's deadline reaches the handler's signal", async (t) => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const { client } = await serving(t, {
    version: (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          resolve(signal.reason);
          reject(signal.reason);
        });
      }),
  });
  await assert.rejects(client.version({}, { deadlineMs: 500 }), { code: status.DEADLINE_EXCEEDED });
  const reason = await promise;
  assert.ok(reason instanceof Fail && reason.code === 'DeadlineExceeded', String(reason));
});

test("the client's cancellation reaches the handler's signal", async (t) => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const client = new AbortController();
  const { client: cri } = await serving(t, {
    version: (_request, { signal }) => {
      client.abort();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          resolve(signal.reason);
          reject(signal.reason);
        });
      });
    },
  });
  await assert.rejects(cri.version({}, { signal: client.signal }), { code: status.CANCELLED });
  const reason = await promise;
  assert.ok(reason instanceof Fail && reason.code === 'Cancelled', String(reason));
});

test('an answer of 17 MiB arrives whole', async (t) => {
  const stdout = Buffer.alloc(17 * 1024 * 1024, 'x');
  const { client } = await serving(t, { execSync: async () => ({ stdout, exitCode: 3 }) });
  const answer = await client.execSync({ containerId: 'x', cmd: ['cat'] });
  assert.equal(answer.stdout.length, stdout.length);
  assert.equal(answer.exitCode, 3);
});

test('a list from cached pieces is the list, in one answer and streamed', async (t) => {
  const records = Array.from({ length: 300 }, (_, index) => ({ id: `c${index}`, createdAt: 2n ** 62n + 1n }));
  let views = 0;
  const encode = createListEncoder(ContainerSchema, (record: (typeof records)[number]) => {
    views += 1;
    return record;
  });
  const { client } = await serving(t, {
    listContainers: async () => encode(records),
    async *streamContainers() {
      yield encode(records.slice(0, 200));
      yield encode(records.slice(200));
    },
  });
  const { containers } = await client.listContainers();
  const streamed = await client.streamContainers();
  assert.deepEqual(
    containers.map(({ id, createdAt }) => ({ id, createdAt })),
    records,
  );
  assert.deepEqual(
    streamed.map((message) => message.containers.length),
    [200, 100],
  );
  assert.equal(views, 300);
});

test('a list is streamed in messages of bounded size, each item once', async (t) => {
  const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
  const encode = createListEncoder(ContainerSchema, ({ id }: { id: string }) => ({
    id,
    annotations: { padding: 'x'.repeat(id === 'c7' ? 3_000_000 : 100_000) },
  }));
  const { client } = await serving(t, {
    async *streamContainers() {
      yield* encode.inMessages(names.map((id) => ({ id })));
    },
  });
  const messages = await client.streamContainers();
  const ids = messages.map(({ containers }) => containers.map(({ id }) => id));
  assert.deepEqual(ids.flat(), names);
  assert.ok(
    ids.every((each) => each.length > 0 && each.length <= 10),
    `${ids.map((each) => each.length)}`,
  );
  assert.ok(messages.length < 8, `${messages.length} messages`);
});

test('bytes that are no request are the client’s mistake, on unary calls and streams', async (t) => {
  const { listen } = await serving(t, { version: async () => ({}) });
  const client = new Client(`unix:${listen}`, credentials.createInsecure());
  t.after(() => client.close());
  const same = (bytes: Buffer) => bytes;
  const path = (name: string) => `/${RuntimeService.typeName}/${name}`;
  const ask = (name: string, bytes: Buffer) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path(name), same, same, bytes, (error) =>
        error === null ? resolve(undefined) : reject(error),
      );
    });
  const cutOff = Buffer.from([0x0a, 0x05, 0x61]);
  const endless = Buffer.alloc(40_000, Buffer.from([0xe3, 0x03]));
  for (const bytes of [cutOff, endless]) {
    const refused = { code: status.INVALID_ARGUMENT, details: /^the request is not a \w+Request: / };
    await assert.rejects(ask('Version', bytes), refused);
    await assert.rejects(ask('ListContainers', bytes), refused);
    const stream = client.makeServerStreamRequest(path('StreamContainers'), same, same, bytes);
    await assert.rejects(stream.toArray(), refused);
  }
});

test('a text arrives with the blanks and control characters at its ends', async (t) => {
  const texts = ['no container  ', ' 100 % of it', '\r\n', '\x7f', '\t\0 '];
  const { client } = await serving(t, {
    version: async ({ version }) => {
      throw new Fail('NotFound', texts[Number(version)] ?? '');
    },
  });
  for (const [index, text] of texts.entries())
    await assert.rejects(client.version({ version: String(index) }), {
      code: status.NOT_FOUND,
      details: text,
    });
});

test('a text of any length and script arrives as a status, without breaking the connection', async (t) => {
  const texts = ['x'.repeat(500_000), 'ä'.repeat(500_000), `${'x'.repeat(1999)}\u{1f680}`, 'cut \ud83d off'];
  const { client } = await serving(t, {
    version: async ({ version }) => {
      throw new Fail('InvalidArgument', texts[Number(version)] ?? '', { hint: 'try less' });
    },
  });
  for (const [index, text] of texts.entries()) {
    const answer = await client.version({ version: String(index) }).catch((error) => error);
    assert.equal(answer.code, status.INVALID_ARGUMENT);
    assert.equal(answer.details.slice(0, 3), text.slice(0, 3));
    assert.match(answer.details, /; try less$/);
    assert.ok(answer.details.length < 2100);
  }
});

test('a socket that a dead server left is taken over, one that answers is not', async (t) => {
  const { listen, start, server, client } = await serving(t, { version: async () => ({ version: 'first' }) });
  await assert.rejects(start(), { code: 'FailedPrecondition', message: `another program serves ${listen}` });
  client.close();
  await server.close(1000);
  // A server that dies without unlinking: its listening handle closes, the file stays.
  const dead = createServer().listen(`${listen}.dead`);
  await new Promise((resolve) => dead.once('listening', resolve));
  linkSync(`${listen}.dead`, listen);
  await new Promise((resolve) => dead.close(resolve));
  assert.equal(existsSync(listen), true);
  const second = await start();
  await second.close(1000);
});
