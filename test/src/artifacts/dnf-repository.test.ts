import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import type { RepositoryFile } from '../../../src/artifacts/bundle/apt-repository.ts';
import { dnfIndex, dnfIndexOf } from '../../../src/artifacts/bundle/dnf-repository.ts';
import { sha256OfFile } from '../../../src/artifacts/cache.ts';
import { commandOutput } from '../../../src/core/command.ts';
import { buildRpms } from '../../harness/fedora/wrap-debs.ts';

const signal = new AbortController().signal;

describe('an index of RPMs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-rpms-'));
  let files: RepositoryFile[] = [];
  let index: Readonly<Record<string, string>> = {};

  before(async () => {
    const tree = join(folder, 'tree');
    mkdirSync(join(tree, 'etc/berth a & b'), { recursive: true });
    writeFileSync(join(tree, 'etc/berth a & b/file'), 'content');
    const paths = await buildRpms(
      [
        {
          name: 'relations',
          version: '1.2~rc1',
          release: '3.fc41',
          epoch: '2',
          requires: ['other >= 1:2-3', 'newest < 9', '/usr/bin/sh', 'exactly = 4'],
          provides: ['cap = 7', 'bare', 'lib(x)(64bit)'],
          tree,
        },
        { name: 'other', version: '5', scriptlets: { post: 'exit 0' } },
      ],
      join(folder, 'repository'),
      '/',
    );
    files = await Promise.all(
      paths.map(async (path) => ({
        file: basename(path),
        path,
        bytes: statSync(path).size,
        sha256: await sha256OfFile(path),
      })),
    );
    index = await dnfIndex(files);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const primary = (): string => index['repodata/primary.xml'] ?? '';

  /** What dnf resolves by; the rest of it is for people. Of files createrepo_c tells those below /etc and in folders of programs. */
  const told = (xml: string): string[] =>
    (xml.match(/<(name|arch|version|checksum|rpm:entry|rpm:header-range|file|location)\b[^>]*>[^<]*/g) ?? [])
      .map((each) => each.trim().replace(' pre="1"', ''))
      .sort();

  test('says of packages what createrepo_c says', async () => {
    await commandOutput(
      ['createrepo_c', '--quiet', '--general-compress-type=gz', join(folder, 'repository')],
      { signal },
    );
    const theirs = await commandOutput(
      ['sh', '-c', 'zcat "$1"/repodata/*primary.xml.gz', 'sh', join(folder, 'repository')],
      { signal },
    );
    assert.deepEqual(told(primary()), told(theirs));
  });

  test('is well-formed, and the same whatever the order', async () => {
    for (const [at, text] of Object.entries(index)) {
      const path = join(folder, basename(at));
      writeFileSync(path, text);
      await commandOutput(['xmllint', '--noout', path], { signal });
    }
    assert.deepEqual(await dnfIndex(files.toReversed()), index);
  });

  test('can be cut to some of them', async () => {
    const one = files.filter(({ file }) => file.startsWith('other'));
    const cut = dnfIndexOf((path) => index[path] ?? '', new Set(one.map(({ file }) => file)));
    assert.deepEqual(cut, await dnfIndex(one));
  });

  test('refuses what is no RPM, or ends too early', async () => {
    const [file] = files;
    assert.ok(file);
    const path = join(folder, 'broken');
    writeFileSync(path, 'no package at all');
    await assert.rejects(dnfIndex([{ ...file, path }]), {
      code: 'Fetch',
      message: /broken is no RPM package/,
    });
    writeFileSync(path, readFileSync(file.path));
    truncateSync(path, 2000);
    await assert.rejects(dnfIndex([{ ...file, path }]), { code: 'Fetch', message: /ends in the middle/ });
  });
});
