import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { after, before, type TestContext } from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import type { PullRequest } from '../../../runtime/images/protocol.ts';
import { createPullImage } from '../../../runtime/images/pull.ts';
import { openPullsUnderWay } from '../../../runtime/images/pulls-under-way.ts';
import { namesMeant } from '../../../runtime/images/registry-sources.ts';
import type { PullImage } from '../../../runtime/images/store/image.ts';
import { type OpenImageStore, openImageStore } from '../../../runtime/images/store/open.ts';
import type { Shim } from '../../../runtime/shim/client/shim.ts';
import type { Events, Methods } from '../../../runtime/shim/protocol/messages.ts';
import { type PullRun, requestFor, startPull } from '../../harness/berth-pull.ts';
import { buildImage, buildLayer, pushImage } from '../../harness/oci-image.ts';
import { startRegistry, type TestRegistry } from '../../harness/registry.ts';
import { startGateway } from '../../harness/registry-gateway.ts';

let registry: TestRegistry;
before(async () => {
  registry = await startRegistry();
  await pushImage(
    { host: registry.host, repository: 'app' },
    'v1',
    buildImage({ layers: [buildLayer([{ path: 'a', body: 'a' }])] }),
  );
});
after(() => registry.stop());

/** The shim's two methods that pulling uses, with the real berth-pull behind them; it refuses all others. */
class PullingShim {
  readonly runs = new Map<string, PullRun>();
  pulls = 0;
  #onProgress: ((params: Events['pull-progress']) => void) | undefined;

  readonly on: Shim['on'] = (event, listener) => {
    if (event !== 'pull-progress') throw new Error(`nobody has a use for ${event}`);
    this.#onProgress = listener as (params: Events['pull-progress']) => void;
  };

  readonly call: Shim['call'] = async <M extends keyof Methods>(method: M, params: Methods[M]['params']) => {
    if (method === 'pull')
      return this.#pull(params as Methods['pull']['params']) as Promise<Methods[M]['result']>;
    if (method !== 'cancelPull') throw new Error(`unexpected call of ${method}`);
    this.runs.get((params as Methods['cancelPull']['params']).pullId)?.child.kill('SIGKILL');
    return {} as Methods[M]['result'];
  };

  async #pull({ pullId, request }: Methods['pull']['params']): Promise<Methods['pull']['result']> {
    this.pulls += 1;
    const run = startPull(request as PullRequest);
    this.runs.set(pullId, run);
    const { stdout } = run.child;
    assert.ok(stdout);
    createInterface({ input: stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      if ('progress' in line) this.#onProgress?.({ pullId, progress: line['progress'] });
    });
    return { outcome: await run.outcome };
  }
}

interface Setup {
  readonly root: string;
  readonly shim: PullingShim;
  readonly store: OpenImageStore;
  readonly pullImage: PullImage;
}

const ACCEPT = { default: [{ type: 'insecureAcceptAnything' }] };

const setUp = async (context: TestContext, content: unknown = ACCEPT): Promise<Setup> => {
  const root = mkdtempSync(join(tmpdir(), 'berth-pull-'));
  const shim = new PullingShim();
  const pulls = join(root, 'pulls');
  mkdirSync(pulls);
  writeFileSync(join(pulls, 'of-an-earlier-daemon.json'), '{}');
  context.after(async () => {
    for (const run of shim.runs.values()) run.child.kill('SIGKILL');
    await Promise.all([...shim.runs.values()].map((run) => run.outcome));
    rmSync(root, { recursive: true, force: true });
  });
  const registries = {
    unqualifiedSearch: [registry.host],
    shortNameMode: 'enforcing',
    aliases: {},
    registries: [],
  } as const;
  const store = await openImageStore({ root, namesMeant: (text) => namesMeant(text, registries) });
  const policy = { file: '/etc/berth/policy.json', content };
  const config = { registries, policy, globalAuthFile: undefined };
  const underWay = openPullsUnderWay(pulls, shim, { debug: (message) => assert.fail(message) });
  return { root, shim, store, pullImage: createPullImage({ store, shim, underWay, config }) };
};

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

test('a pulled image is in the store under its name, and a short name resolves by configuration', async (context) => {
  const { store, pullImage } = await setUp(context);
  const image = await pullImage({ reference: 'app:v1', auth: undefined, signal: signal() });
  assert.deepEqual(image.repoTags, [`${registry.host}/app:v1`]);
  assert.equal(store.find(`${registry.host}/app:v1`), image);
  assert.equal(store.find('app:v1'), image);
});

test('pulls of one reference at the same time are one; with other credentials they are not', async (context) => {
  const { shim, pullImage } = await setUp(context);
  const reference = `${registry.host}/app:v1`;
  const [one, two] = await Promise.all([
    pullImage({ reference, auth: undefined, signal: signal() }),
    pullImage({ reference, auth: undefined, signal: signal() }),
    pullImage({ reference, auth: { username: 'x', password: 'y' }, signal: signal() }),
  ]);
  assert.equal(one, two);
  assert.equal(shim.pulls, 2);
  await pullImage({ reference, auth: undefined, signal: signal() });
  assert.equal(shim.pulls, 3);
});

/** The one file of the folder, where there is one. */
const underWayIn = (folder: string): Readonly<Record<string, unknown>> | undefined => {
  const [name, ...others] = readdirSync(folder).filter((name) => name.endsWith('.json'));
  assert.deepEqual(others, []);
  return name === undefined ? undefined : JSON.parse(readFileSync(join(folder, name), 'utf8'));
};

test('how far a pull is stands in a file for as long as it runs', async (context) => {
  const { root, pullImage } = await setUp(context);
  const folder = join(root, 'pulls');
  assert.deepEqual(readdirSync(folder), [], 'what an earlier daemon left is gone');
  const layer = buildLayer([{ path: 'noise', body: randomBytes(400_000).toString('hex') }]);
  const total = layer.bytes.length;
  await pushImage({ host: registry.host, repository: 'slow' }, 'v1', buildImage({ layers: [layer] }));
  let goOn = (): void => undefined;
  const gateway = await startGateway(registry.host, ({ url }, response) => {
    if (url?.endsWith(layer.digest) !== true) return false;
    response.writeHead(200, { 'content-length': total });
    response.flushHeaders();
    const half = Math.floor(total / 2);
    // The word before this one is half a second old by then.
    setTimeout(() => response.write(layer.bytes.subarray(0, half)), 600);
    goOn = () => response.end(layer.bytes.subarray(half));
    return true;
  });
  context.after(() => gateway.stop());
  const reference = `${gateway.host}/slow:v1`;
  const pulling = pullImage({ reference, auth: undefined, signal: signal() });
  const begun = { version: 1, reference, layers: 1, layersDone: 0, bytes: total };
  await until(() => underWayIn(folder) !== undefined);
  assert.deepEqual(underWayIn(folder), { ...begun, bytesDone: 0 });
  await until(() => (underWayIn(folder)?.['bytesDone'] ?? 0) !== 0);
  const { bytesDone, ...rest } = underWayIn(folder) ?? {};
  assert.deepEqual(rest, begun);
  assert.ok(typeof bytesDone === 'number' && bytesDone <= total / 2, String(bytesDone));
  goOn();
  await pulling;
  assert.deepEqual(readdirSync(folder), []);
});

const until = async (isSo: () => boolean): Promise<void> => {
  const deadline = AbortSignal.timeout(20_000);
  while (!isSo()) {
    deadline.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

test('what the policy rejects is not even asked for', async (context) => {
  const { shim, pullImage } = await setUp(context, { default: [{ type: 'reject' }] });
  await assert.rejects(
    pullImage({ reference: `${registry.host}/app:v1`, auth: undefined, signal: signal() }),
    { code: 'PermissionDenied', hint: /transports\.docker in \/etc\/berth\/policy\.json$/ },
  );
  assert.equal(shim.pulls, 0);
});

test('a failure of berth-pull arrives with its code, message and hint', async (context) => {
  const { root, pullImage } = await setUp(context);
  await assert.rejects(
    pullImage({ reference: `${registry.host}/app:no-such`, auth: undefined, signal: signal() }),
    (error) => {
      assert.ok(error instanceof Fail);
      assert.equal(error.code, 'NotFound');
      assert.match(error.message, /repository app, reference no-such/);
      assert.match(error.hint ?? '', /check the repository/);
      return true;
    },
  );
  assert.deepEqual(readdirSync(join(root, 'staging')), []);
});

test('one of two callers may go; when both have gone, berth-pull is ended and leaves no staging', async (context) => {
  const { root, shim, pullImage } = await setUp(context);
  const gateway = await startGateway(registry.host, () => true);
  context.after(() => gateway.stop());
  const reference = `${gateway.host}/app:v1`;
  const [first, second] = [new AbortController(), new AbortController()];
  const pulls = [first, second].map(({ signal }) => pullImage({ reference, auth: undefined, signal }));
  const settled = Promise.allSettled(pulls);
  while (gateway.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));

  first.abort();
  await assert.rejects(pulls[0] ?? Promise.resolve(), { code: 'Cancelled' });
  const [run] = shim.runs.values();
  assert.equal(run?.child.exitCode, null);

  second.abort();
  await settled;
  await run?.outcome;
  assert.equal(run?.child.signalCode, 'SIGKILL');
  await becomesEmpty(join(root, 'staging'));
});

test('a caller that comes while a pull is being cancelled gets a pull of its own', async (context) => {
  const { shim, pullImage } = await setUp(context);
  let isOpen = false;
  const gateway = await startGateway(registry.host, () => !isOpen);
  context.after(() => gateway.stop());
  const reference = `${gateway.host}/app:v1`;
  const first = new AbortController();
  const cancelled = assert.rejects(pullImage({ reference, auth: undefined, signal: first.signal }), {
    code: 'Cancelled',
  });
  while (gateway.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  isOpen = true;
  first.abort();
  await cancelled;
  const pulls = [0, 1].map(() => pullImage({ reference, auth: undefined, signal: signal() }));
  await Promise.all(pulls);
  assert.equal(shim.pulls, 2);
});

test('SIGTERM ends berth-pull with Cancelled and without staging', async (context) => {
  const { root } = await setUp(context);
  const gateway = await startGateway(registry.host, () => true);
  context.after(() => gateway.stop());
  const run = startPull(requestFor(root, gateway.host, 'app', 'v1'));
  while (gateway.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  run.child.kill('SIGTERM');
  const outcome = await run.outcome;
  assert.equal(outcome?.ok === false && outcome.error.code, 'Cancelled');
  assert.deepEqual(readdirSync(join(root, 'staging')), []);
});

const becomesEmpty = async (folder: string): Promise<void> => {
  for (let tries = 0; tries < 250 && readdirSync(folder).length > 0; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(readdirSync(folder), []);
};

test('berth-pull that was killed is Internal, and its staging is gone', async (context) => {
  const { root, shim, pullImage } = await setUp(context);
  const gateway = await startGateway(registry.host, () => true);
  context.after(() => gateway.stop());
  const pulling = pullImage({ reference: `${gateway.host}/app:v1`, auth: undefined, signal: signal() });
  const settled = Promise.allSettled([pulling]);
  while (gateway.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(readdirSync(join(root, 'staging')).length, 1);
  for (const run of shim.runs.values()) run.child.kill('SIGKILL');
  await settled;
  await assert.rejects(pulling, { code: 'Internal', message: /without an outcome/ });
  assert.deepEqual(readdirSync(join(root, 'staging')), []);
  assert.equal(existsSync(join(root, 'layers')), true);
});
