import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { type Document, isMap, isNode, isPair, isScalar, isSeq, parseDocument, visit } from 'yaml';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { standInMirror } from '../harness/stand-in-mirror.ts';
import { readStream } from '../harness/stream.ts';
import { Running } from './berth.ts';

/*
 * Each profile that we ship is planned, as it is but for the addresses of its hosts: a real Debian host stands for all of
 * them. A plan only reads.
 */

const shipped = resolve(import.meta.dirname, '../../profiles');

/** Ways to reach a host; each host of a profile has one. */
const ways = ['ssh', 'local', 'embedded', 'vagrant', 'gce'];

/** The profile with every host at `host`; everything else, comments included, stays. */
const placedAt = (host: EmbeddedHost, mirror: string, text: string): string => {
  const profile = parseDocument(text);
  const hosts = profile.get('hosts');
  assert.ok(isSeq(hosts), 'the profile has hosts');
  for (const entry of hosts.items) {
    assert.ok(isMap(entry));
    for (const way of ways) entry.delete(way);
    const { host: address, user, identityFiles, knownHostsFiles } = host.ssh;
    entry.set('ssh', profile.createNode({ host: address, user, identityFiles, knownHostsFiles }));
    entry.delete('sudoPassword');
  }
  profile.delete('defaults');
  if (profile.getIn(['spec', 'engine', 'source']) === 'upstream')
    profile.setIn(['spec', 'engine', 'repository'], mirror);
  // No other file has the digests that a profile pins.
  for (const path of pinned(profile)) profile.deleteIn(path);
  return profile.toString();
};

/** The places of checksums in the spec. */
const pinned = (profile: Document): (string | number)[][] => {
  const found: (string | number)[][] = [];
  visit(profile, {
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key) || pair.key.value !== 'sha256') return;
      const path = ancestors.flatMap((node, index): (string | number)[] => {
        if (isPair(node) && isScalar(node.key)) return [String(node.key.value)];
        const list = ancestors[index - 1];
        return isSeq(list) && isNode(node) ? [list.items.indexOf(node)] : [];
      });
      found.push([...path, 'sha256']);
    },
  });
  return found;
};

/** Building takes minutes and compilers: what is built is planned where it is built. */
const buildsHere = (text: string): boolean => /^[^#\n]*source: source\b/m.test(text);

const profiles = readdirSync(shipped).filter((name) => name.endsWith('.yaml'));

test('each profile that we ship is planned on a real host, and changes nothing there', async (t) => {
  assert.ok(profiles.length >= 2);
  const folder = mkdtempSync(join(tmpdir(), 'berth-profiles-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(shipped, folder, { recursive: true });
  const host = await embeddedHost(t);
  const mirror = await standInMirror(t);
  const environment = { BERTH_ARTIFACTS: mirror, BERTH_CACHE: join(folder, 'cache') };
  const state = () => host.output('find /etc /usr/local /var/lib -xdev -type f -newer /run/before | sort');
  await host.output('touch /run/before');
  const before = await state();
  for (const name of profiles)
    await t.test(name, async (t) => {
      const file = join(folder, name);
      const text = readFileSync(file, 'utf8');
      if (buildsHere(text)) return t.skip('it builds from source: test/src/node/profiles.test.ts plans it');
      writeFileSync(file, placedAt(host, mirror, text));
      const { exitCode, output } = await new Running(['plan', file, '--json'], environment).ended;
      const lines = readStream(output);
      const failures = lines
        .filter(({ kind }) => kind === 'failed')
        .map(({ error }) => JSON.stringify(error));
      assert.deepEqual(failures, []);
      assert.equal(exitCode, 2, output.slice(-2000));
      const plan = lines.find(({ kind }) => kind === 'plan')?.['plan'] as
        | { readonly hosts: readonly { readonly changes: readonly unknown[] }[] }
        | undefined;
      assert.ok(plan !== undefined && plan.hosts.length > 0);
      for (const { changes } of plan.hosts) assert.ok(changes.length > 3, `${changes.length} changes`);
    });
  assert.equal(await state(), before);
});
