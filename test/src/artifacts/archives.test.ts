import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { packageArchives, sourceLine } from '../../../src/artifacts/archives.ts';

const machine = (t: TestContext, files: Record<string, string>): string => {
  const root = mkdtempSync(join(tmpdir(), 'berth-archives-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'etc/apt/sources.list.d'), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, 'etc', path), text);
  return root;
};

test('a Debian machine gives its own release with updates and security, and no third party', async (t) => {
  const root = machine(t, {
    'os-release': 'ID=debian\nVERSION_CODENAME=bookworm\n',
    'apt/sources.list.d/debian.sources': `Types: deb
# a comment
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
`,
    'apt/sources.list.d/third.list': 'deb [arch=amd64] https://third.example/apt stable main\n',
    'apt/sources.list.d/off.sources':
      'Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: bookworm\nComponents: main\n',
  });
  const { suite, archives } = await packageArchives(root);
  assert.equal(suite, 'bookworm');
  assert.deepEqual(archives.map(sourceLine), [
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm main contrib',
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm-updates main contrib',
    'deb https://mirror.example/debian-security bookworm-security main',
  ]);
});

test('an Ubuntu machine with sources.list gives its own release', async (t) => {
  const root = machine(t, {
    'os-release': 'ID=ubuntu\nVERSION_CODENAME="jammy"\n',
    'apt/sources.list': `# deb http://archive.example/ubuntu jammy main
deb http://archive.example/ubuntu jammy main universe # all of it
deb [ arch=amd64 signed-by=/usr/share/keyrings/u.gpg ] http://security.example/ubuntu jammy-security main universe
deb cdrom:[Ubuntu]/ jammy main
`,
  });
  const { suite, archives } = await packageArchives(root);
  assert.equal(suite, 'jammy');
  assert.deepEqual(archives.map(sourceLine), [
    'deb http://archive.example/ubuntu jammy main universe',
    'deb [signed-by=/usr/share/keyrings/u.gpg] http://security.example/ubuntu jammy-security main universe',
  ]);
});

test('a machine without apt archives gets those of Debian', async (t) => {
  const { archives, suite } = await packageArchives(
    machine(t, { 'os-release': 'ID=fedora\nVERSION_ID=43\n' }),
  );
  assert.ok(archives.some((archive) => archive.suite === suite));
  assert.ok(archives.every(({ uri }) => uri.startsWith('http://deb.debian.org/')));
});
