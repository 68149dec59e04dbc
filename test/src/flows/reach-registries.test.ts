import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { runCommand } from '../../../src/core/command.ts';
import type { FlowContext } from '../../../src/flows/context.ts';
import { type RegistryAnswer, reachRegistries } from '../../../src/flows/reach-registries.ts';
import type { Connection } from '../../../src/host/transport/connection.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import { freePort } from '../../harness/free-port.ts';
import { selfSigned } from '../../harness/self-signed.ts';

/** Answers every request with this status, as a registry that wants a login does with 401. */
const server = async (t: TestContext, status: number): Promise<string> => {
  const listening = createServer((_request, response) => response.writeHead(status).end());
  t.after(() => listening.close());
  await new Promise<void>((ready) => listening.listen(0, '127.0.0.1', ready));
  return `127.0.0.1:${(listening.address() as AddressInfo).port}`;
};

/** A registry with TLS, whose certificate nobody knows. */
const tlsServer = async (t: TestContext): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-reach-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key, certificate } = selfSigned(folder, '127.0.0.1');
  const pair = { key: readFileSync(key), cert: readFileSync(certificate) };
  const listening = createTlsServer(pair, (_request, response) => response.end());
  t.after(() => listening.close());
  await new Promise<void>((ready) => listening.listen(0, '127.0.0.1', ready));
  return `127.0.0.1:${(listening.address() as AddressInfo).port}`;
};

/** A folder with these programs, and what the script always needs: the host has no others. */
const onlyWith = (t: TestContext, programs: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-reach-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const always = Object.fromEntries(
    ['cut', 'tr', 'sed', 'timeout'].map((name) => [name, `/usr/bin/${name}`]),
  );
  for (const [name, target] of Object.entries({ ...always, ...programs }))
    symlinkSync(target, join(folder, name));
  return folder;
};

/** This machine, where a shell finds the programs of one folder. */
const hostWith = (folder: string): Connection => ({
  ...unused,
  sh: async (script, { signal }) => {
    const { exitCode, stdout, stderr } = await runCommand(['/bin/sh', '-s'], {
      signal,
      input: `PATH=${folder}\n${script}`,
    });
    return { exitCode, stdout, stderr, signal: undefined };
  },
});

const refuse = (): never => {
  throw new Error('nobody asks for this');
};

const unused: Connection = {
  host: 'here',
  address: 'here',
  sh: refuse,
  spawn: refuse,
  forwardToLocal: refuse,
  interact: refuse,
  stats: refuse,
  close: refuse,
};

const asked = async (
  folder: string,
  registries: readonly string[],
  insecure: readonly string[],
  proxy = '',
): Promise<readonly RegistryAnswer[]> => {
  const profile = parseProfile(
    `hosts: [{ name: here, local: {} }]\nspec: { registries: { insecure: ${JSON.stringify(insecure)} }${proxy} }\n`,
    'x.yaml',
  );
  const connection = hostWith(folder);
  let seen: readonly RegistryAnswer[] = [];
  const failures: unknown[] = [];
  const context: FlowContext = {
    profile,
    hosts: profile.hosts,
    connect: async () => connection,
    reconnect: async () => connection,
    emit: (event) => {
      if (event.kind === 'failed') failures.push(event.error);
    },
    signal: new AbortController().signal,
    parallel: 1,
  };
  await reachRegistries(context, registries, (_host, answers) => {
    seen = answers;
  });
  assert.deepEqual(failures, []);
  return seen;
};

const tools = {
  curl: { curl: '/usr/bin/curl' },
  wget: { wget: '/usr/bin/wget' },
  python3: { python3: '/usr/bin/python3' },
};

for (const [name, programs] of Object.entries(tools))
  test(`with ${name}: a registry answers, also one that wants a login; others do not, and say why`, async (t) => {
    const [open, login, broken] = [await server(t, 200), await server(t, 401), await server(t, 500)];
    const closed = `127.0.0.1:${await freePort()}`;
    const answers = await asked(
      onlyWith(t, programs),
      [open, login, broken, closed],
      [open, login, broken, closed],
    );
    assert.deepEqual(
      answers.map(({ registry, ok }) => [registry, ok]),
      [
        [open, true],
        [login, true],
        [broken, false],
        [closed, false],
      ],
    );
    assert.match(answers[2]?.detail ?? '', /status 500: no registry/);
    assert.match(answers[3]?.detail ?? '', /refused|connect/i);
  });

for (const [name, programs] of Object.entries(tools))
  test(`with ${name}: what is on the host itself is not asked of a proxy`, async (t) => {
    const own = await server(t, 200);
    const [port, nobody] = [own.split(':')[1], await freePort()];
    const both = [own, `localhost:${port}`];
    const proxy = `, proxy: { http: "http://127.0.0.1:${nobody}" }`;
    const answers = await asked(onlyWith(t, programs), both, both, proxy);
    assert.deepEqual(
      answers.map(({ ok, detail }) => [ok, detail]),
      both.map(() => [true, 'answers']),
    );
  });

test('with bash alone it is tried whether somebody listens; with nothing, that is said', async (t) => {
  const open = await server(t, 200);
  const closed = `127.0.0.1:${await freePort()}`;
  const [first, second] = await asked(onlyWith(t, { bash: '/usr/bin/bash' }), [open, closed], []);
  assert.deepEqual([first?.ok, first?.detail, second?.ok], [true, 'accepts connections', false]);
  const [none] = await asked(onlyWith(t, {}), [open], []);
  assert.deepEqual([none?.ok, none?.detail], [false, 'no curl, wget, python3 or bash here to ask with']);
});

for (const [name, programs] of Object.entries(tools))
  test(`with ${name}: a registry that speaks no TLS is one only where the profile says that it need not`, async (t) => {
    const plain = [await server(t, 200), await server(t, 401)];
    const tls = await tlsServer(t);
    const answers = await asked(onlyWith(t, programs), [...plain, tls, await server(t, 404)], []);
    assert.deepEqual(
      answers.map(({ ok, isPlain = false }) => [ok, isPlain]),
      [
        [false, true],
        [false, true],
        [false, false],
        [false, false],
      ],
    );
    assert.equal(answers[0]?.detail, 'speaks plain HTTP, without TLS');
    assert.match(answers[2]?.detail ?? '', /certificate/i);
  });
