import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { makeTar } from '../../../src/artifacts/tar.ts';
import { supplyHosts } from '../../../src/flows/supply.ts';
import { parseSystem } from '../../../src/host/facts/system.ts';
import { requireSupported } from '../../../src/node/node.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import { folderWithCache } from '../../harness/own-cache.ts';
import { factsOf } from '../resources/facts.ts';

/** elf(5): e_machine at byte 18. */
const machineOf = (path: string): number => readFileSync(path).readUInt16LE(18);
const aarch64 = 0xb7;

test('an arm64 host gets the release and the crictl of its architecture, whatever this machine is', async (t) => {
  const folder = folderWithCache(t, 'supply');
  const system = parseSystem([
    ['machine', 'aarch64'],
    ['systemd', '252'],
  ]);
  assert.equal(system.arch, 'arm64');
  const arch = requireSupported({
    ...factsOf({}),
    system: { ...factsOf({}).system, machine: 'aarch64', arch: system.arch },
  });

  for (const name of ['amd64', 'arm64']) {
    const archive = gzipSync(
      makeTar([{ path: 'crictl', mode: 0o755, content: Buffer.from(`crictl for ${name}`) }]),
    );
    const file = join(folder, `crictl-v1.37.0-linux-${name}.tar.gz`);
    writeFileSync(file, archive);
    writeFileSync(`${file}.sha256`, createHash('sha256').update(archive).digest('hex'));
  }
  const profile = await loadProfile(
    fileURLToPath(new URL('../../../profiles/quickstart.yaml', import.meta.url)),
  );
  const [host] = profile.hosts;
  assert.ok(host);
  const spec = { ...host.spec, artifacts: { source: 'folder', mirror: undefined, folder } as const };
  const supply = supplyHosts({
    profile,
    hosts: profile.hosts,
    connect: () => assert.fail('no host is asked'),
    reconnect: () => assert.fail('no host is asked'),
    emit: () => {},
    signal: AbortSignal.timeout(120_000),
    parallel: 1,
  });
  const { release, crictl } = await supply({ ...host, spec }, { arch, manager: 'apt' });
  assert.ok(crictl);
  assert.equal(readFileSync(crictl.path, 'utf8'), 'crictl for arm64');
  const node = release.files.find(({ name }) => name === 'node');
  assert.ok(node);
  assert.equal(machineOf(node.path), aarch64);
  const koffi = release.files.find(({ name }) => name === 'koffi.node');
  assert.ok(koffi);
  assert.equal(machineOf(koffi.path), aarch64);
});
