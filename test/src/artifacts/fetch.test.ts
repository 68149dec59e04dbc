import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, beforeEach, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fetchArtifact } from '../../../src/artifacts/fetch.ts';
import { type GoOrigin, goInstall } from '../../../src/artifacts/go-install.ts';
import type { LockedProgram } from '../../../src/artifacts/lock/lock.ts';
import type { ArtifactSpec } from '../../../src/artifacts/pins.ts';
import type { ArtifactSources } from '../../../src/artifacts/sources.ts';
import { makeTar } from '../../../src/artifacts/tar.ts';
import type { Event } from '../../../src/core/events.ts';

const never = new AbortController().signal;
const program = Buffer.from('#!/bin/sh\necho crictl\n');
const archive = gzipSync(
  makeTar([
    { path: 'LICENSE', mode: 0o644, content: Buffer.from('text') },
    { path: 'crictl', mode: 0o755, content: program },
  ]),
);
const name = 'crictl-v9.9.9-linux-amd64.tar.gz';
const sumOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

let folder: string;
let cache: string | undefined;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-fetch-'));
  cache = process.env['BERTH_CACHE'];
});
beforeEach((t) => {
  process.env['BERTH_CACHE'] = join(folder, createHash('sha256').update(t.name).digest('hex').slice(0, 8));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
  if (cache === undefined) delete process.env['BERTH_CACHE'];
  else process.env['BERTH_CACHE'] = cache;
});

const serve = async (t: TestContext, listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const files =
  (content: Record<string, Buffer | string>): RequestListener =>
  (request, response) => {
    const found = content[(request.url ?? '').slice(1)];
    if (found === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': Buffer.byteLength(found) }).end(found);
  };

const from = (sources: Partial<ArtifactSources>): ArtifactSources => ({
  source: 'auto',
  mirror: undefined,
  folder: undefined,
  ...sources,
});

const fetchIt = (
  sources: Partial<ArtifactSources>,
  emit: (event: Event) => void = () => {},
  signal = never,
) => fetchArtifact('crictl', '9.9.9', 'x64', from(sources), { emit, signal });

test('a mirror gives the program, once: the second time it comes from the cache', async (t) => {
  let asked = 0;
  const serveFiles = files({ [name]: archive, [`${name}.sha256`]: `${sumOf(archive)}  ${name}\n` });
  const mirror = await serve(t, (request, response) => {
    asked += 1;
    serveFiles(request, response);
  });
  const events: Event[] = [];
  const first = await fetchIt({ source: 'mirror', mirror: `${mirror}/` }, (event) => events.push(event));
  assert.deepEqual(readFileSync(first.path), program);
  assert.equal(first.sha256, sumOf(program));
  assert.equal(first.bytes, program.length);
  assert.equal(asked, 2);
  assert.ok(events.some((event) => event.kind === 'bytes' && event.done === archive.length));

  assert.deepEqual(await fetchIt({ source: 'mirror', mirror }), first);
  assert.equal(asked, 2);
});

test('a program that was damaged in the cache is fetched again', async (t) => {
  const mirror = await serve(t, files({ [name]: archive, [`${name}.sha256`]: sumOf(archive) }));
  const first = await fetchIt({ source: 'mirror', mirror });
  chmodSync(first.path, 0o755);
  writeFileSync(first.path, 'something else');
  const second = await fetchIt({ source: 'mirror', mirror });
  assert.deepEqual(readFileSync(second.path), program);
});

test('a wrong checksum names both sums and the source, and no other way is tried', async (t) => {
  const wrong = '0'.repeat(64);
  const mirror = await serve(t, files({ [name]: archive, [`${name}.sha256`]: wrong }));
  await assert.rejects(fetchIt({ source: 'auto', mirror }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'ChecksumMismatch');
    for (const part of [wrong, sumOf(archive), `${mirror}/${name}`])
      assert.ok(error.message.includes(part), part);
    return true;
  });
  assert.deepEqual(readdirSync(join(process.env['BERTH_CACHE'] ?? '', 'scratch')), []);
});

test('a file without any checksum is refused', async (t) => {
  const mirror = await serve(t, files({ [name]: archive }));
  await assert.rejects(fetchIt({ source: 'mirror', mirror }), { code: 'Fetch', message: /has no checksum/ });
});

test('a download that breaks off leaves nothing behind', async (t) => {
  const mirror = await serve(t, (request, response) => {
    if (request.url?.endsWith('.sha256')) response.end(sumOf(archive));
    else {
      response.writeHead(200, { 'content-length': archive.length });
      response.write(archive.subarray(0, archive.length >> 1));
      setTimeout(() => response.destroy(), 20);
    }
  });
  await assert.rejects(fetchIt({ source: 'mirror', mirror }), { code: 'Fetch' });
  const left = join(process.env['BERTH_CACHE'] ?? '', 'scratch');
  assert.deepEqual(readdirSync(left), []);
  assert.equal(existsSync(join(process.env['BERTH_CACHE'] ?? '', 'sha256')), false);
});

test('a download can be cancelled', async (t) => {
  const controller = new AbortController();
  const mirror = await serve(t, (request, response) => {
    if (request.url?.endsWith('.sha256')) response.end(sumOf(archive));
    else {
      response.writeHead(200, { 'content-length': archive.length }).flushHeaders();
      controller.abort();
    }
  });
  await assert.rejects(fetchIt({ source: 'mirror', mirror }, undefined, controller.signal), {
    code: 'Cancelled',
  });
});

test('a folder gives the program when its checksum file lies beside it', async () => {
  const source = mkdtempSync(join(folder, 'source-'));
  writeFileSync(join(source, name), archive);
  await assert.rejects(fetchIt({ source: 'folder', folder: source }), {
    code: 'Fetch',
    message: /has no checksum/,
  });
  writeFileSync(join(source, `${name}.sha256`), `${sumOf(archive)}\n`);
  assert.equal((await fetchIt({ source: 'folder', folder: source })).sha256, sumOf(program));
});

test('when every way failed, the message has what each of them said', async (t) => {
  const mirror = await serve(t, files({}));
  const empty = mkdtempSync(join(folder, 'empty-'));
  await assert.rejects(fetchIt({ mirror, folder: empty }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'Fetch');
    assert.match(error.message, /crictl 9\.9\.9 for x64 could not be had/);
    assert.ok(error.message.includes(join(empty, name)));
    assert.match(error.message, /127\.0\.0\.1.*404/);
    assert.match(error.message, /github\.com/);
    return true;
  });
});

const hello: ArtifactSpec = {
  program: 'hello',
  archiveName: () => '',
  releaseAddress: () => '',
  go: {
    module: 'golang.org/x/example/hello',
    packages: ['golang.org/x/example/hello'],
    versionVariable: 'main.version',
  },
  unsigned: 'a test',
  pins: {},
};
const helloVersion = '0.0.0-20250915201037-7f05d217867b';

test('go install builds for both architectures, whatever the environment says about checksums', async (t) => {
  const before = process.env['GOSUMDB'];
  t.after(() => {
    if (before === undefined) delete process.env['GOSUMDB'];
    else process.env['GOSUMDB'] = before;
  });
  process.env['GOSUMDB'] = 'off';
  for (const [arch, machine] of [
    ['x64', 62],
    ['arm64', 183],
  ] as const) {
    const work = mkdtempSync(join(folder, 'go-'));
    const { path, origin } = await goInstall(hello, helloVersion, arch, work, {
      emit: () => {},
      signal: never,
    });
    assert.match(origin.sum, /^h1:/);
    assert.match(origin.toolchain, /^go1\./);
    const built = readFileSync(path);
    assert.equal(built.readUInt32BE(0), 0x7f454c46);
    assert.equal(built.readUInt16LE(18), machine);
  }
});

test('a Go module that is not the pinned one is refused', async () => {
  const work = mkdtempSync(join(folder, 'go-'));
  const pinned = { ...hello, pins: { [helloVersion]: { archives: {}, goModule: 'h1:AAAA=' } } };
  await assert.rejects(goInstall(pinned, helloVersion, 'x64', work, { emit: () => {}, signal: never }), {
    code: 'ChecksumMismatch',
    message: /h1:AAAA= is pinned/,
  });
});

const lockedArchive = (overrides: { program?: string; archive?: string } = {}): LockedProgram => ({
  sha256: overrides.program ?? sumOf(program),
  bytes: program.length,
  from: {
    archive: {
      name,
      sha256: overrides.archive ?? sumOf(archive),
      bytes: archive.length,
      addresses: ['https://github.com/x'],
    },
  },
});

const fetchLocked = (sources: Partial<ArtifactSources>, locked: LockedProgram) =>
  fetchArtifact('crictl', '9.9.9', 'x64', from(sources), { emit: () => {}, signal: never }, locked);

test('with a lock no checksum file is asked for, and the locked sums decide about archive and program', async (t) => {
  const mirror = await serve(t, files({ [name]: archive }));
  assert.equal((await fetchLocked({ source: 'mirror', mirror }, lockedArchive())).sha256, sumOf(program));
  const wrong = 'a'.repeat(64);
  await assert.rejects(
    fetchLocked({ source: 'mirror', mirror }, lockedArchive({ program: wrong, archive: wrong })),
    {
      code: 'ChecksumMismatch',
      message: new RegExp(`has sha256 ${sumOf(archive)}; ${wrong} is expected`),
    },
  );
  await assert.rejects(fetchLocked({ source: 'mirror', mirror }, lockedArchive({ program: wrong })), {
    code: 'ChecksumMismatch',
    message: new RegExp(`crictl 9\\.9\\.9 for x64 has sha256 ${sumOf(program)}; berth\\.lock has ${wrong}`),
  });
});

test('what the cache has under another digest than the locked one is not used', async (t) => {
  const mirror = await serve(t, files({ [name]: archive, [`${name}.sha256`]: sumOf(archive) }));
  await fetchIt({ source: 'mirror', mirror });
  const wrong = 'a'.repeat(64);
  await assert.rejects(fetchLocked({ source: 'mirror', mirror }, lockedArchive({ program: wrong })), {
    code: 'ChecksumMismatch',
  });
});

test('a lock of an archive is no lock of a build', async () => {
  await assert.rejects(fetchLocked({ source: 'go' }, lockedArchive()), {
    code: 'NotLocked',
    message:
      /spec\.artifacts\.source is go, and the crictl of berth\.lock is the one of the project's release/,
  });
});

test('the same module and toolchain give the same bytes again, whatever the environment says', async (t) => {
  const before = process.env['GOAMD64'];
  t.after(() => {
    if (before === undefined) delete process.env['GOAMD64'];
    else process.env['GOAMD64'] = before;
  });
  const build = (locked?: GoOrigin) =>
    goInstall(
      hello,
      helloVersion,
      'x64',
      mkdtempSync(join(folder, 'go-')),
      { emit: () => {}, signal: never },
      locked,
    );
  const first = await build();
  process.env['GOAMD64'] = 'v3';
  const second = await build(first.origin);
  assert.deepEqual(second.origin, first.origin);
  assert.equal(sumOf(readFileSync(second.path)), sumOf(readFileSync(first.path)));
  await assert.rejects(build({ ...first.origin, sum: 'h1:AAAA=' }), {
    code: 'ChecksumMismatch',
    message: /h1:AAAA= is locked/,
  });
});
