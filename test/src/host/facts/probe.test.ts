import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { arch, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { entriesOf, fileAt, parseFiles } from '../../../../src/host/facts/files.ts';
import { sysctlPath } from '../../../../src/host/facts/kernel.ts';
import {
  type Facts,
  type ProbeRequest,
  parseFacts,
  probeScript,
  splitTopics,
} from '../../../../src/host/facts/probe.ts';
import { parseOsRelease } from '../../../../src/host/facts/system.ts';
import { nothingAsked } from './nothing-asked.ts';

/** Runs the real probe with a shell of this machine; `state` stands for berth's memory of the host. */
async function ask(
  changed: Partial<ProbeRequest>,
  state = '/nonexistent/state',
  shell = ['dash'],
): Promise<Facts> {
  const full = { ...nothingAsked, ...changed };
  const script = (await probeScript(full)).replace(/^state=.*$/m, `state=${state}`);
  const [program = '', ...flags] = shell;
  const output = execFileSync(program, flags, { input: script, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const topics = splitTopics(output);
  assert.ok(topics.has('end'));
  return parseFacts(topics, full);
}

function folderFor(t: { after(release: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'berth-probe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('the host is told apart by its system, kernel and architecture', async () => {
  const { system } = await ask({});
  assert.equal(system.kernel, release());
  assert.equal(system.arch, arch());
  assert.deepEqual(system.missingTools, []);
  assert.equal(system.unpacks, 'zstd');
  assert.ok(system.memoryBytes.total > system.memoryBytes.available);
  assert.equal(system.os.id, parseOsRelease(readFileSync('/etc/os-release', 'utf8')).id);
});

for (const shell of [['dash'], ['bash', '--posix'], ['busybox', 'sh']]) {
  test(`${shell[0]} reports files as they are: kinds, modes, contents of any bytes, digests of large ones`, async (t) => {
    const folder = folderFor(t);
    const at = (name: string) => join(folder, name);
    const odd = 'tab\t quote \' " back\\slash \n\n é';
    writeFileSync(at('text'), odd);
    chmodSync(at('text'), 0o604);
    writeFileSync(at('binary'), Buffer.from([0, 255, 10, 128]));
    writeFileSync(at('large'), Buffer.alloc(200_000, 'x'));
    symlinkSync('../somewhere else', at('link'));
    mkdirSync(at('folder'));
    const names = ['text', 'binary', 'large', 'link', 'folder', 'absent'];
    const { files } = await ask({ files: names.map(at), folders: [folder] }, undefined, shell);
    assert.deepEqual(fileAt(files, at('text')), {
      kind: 'file',
      mode: 0o604,
      owner: '0:0',
      bytes: Buffer.byteLength(odd),
      sha256: execFileSync('sha256sum', [at('text')], { encoding: 'utf8' }).split(' ')[0],
      text: odd,
      changedAt: Math.floor(statSync(at('text')).ctimeMs / 1000),
    });
    const binary = fileAt(files, at('binary'));
    assert.ok(binary.kind === 'file' && binary.text === undefined && binary.bytes === 4);
    const large = fileAt(files, at('large'));
    assert.ok(large.kind === 'file' && large.text === undefined);
    assert.equal(large.sha256, execFileSync('sha256sum', [at('large')], { encoding: 'utf8' }).split(' ')[0]);
    assert.deepEqual(fileAt(files, at('link')), { kind: 'link', target: '../somewhere else' });
    assert.deepEqual(fileAt(files, at('folder')), {
      kind: 'directory',
      mode: 0o755,
      empty: true,
      mountPoint: false,
    });
    assert.deepEqual(fileAt(files, at('absent')), { kind: 'absent' });
    assert.deepEqual(entriesOf(files, folder), ['binary', 'folder', 'large', 'link', 'text']);
  });
}

test('a large file is digested again only when its status changed', async (t) => {
  const folder = folderFor(t);
  const file = join(folder, 'large');
  writeFileSync(file, Buffer.alloc(100_000, 'a'));
  const status = execFileSync('stat', ['-c', '%s,%i,%y,%z', file], { encoding: 'utf8' })
    .trim()
    .replaceAll(' ', '_');
  // A digest that is plainly made up shows that it was taken from the notes.
  writeFileSync(join(folder, 'digests'), `noted ${status} ${file}\n`);
  const digest = async () => {
    const fact = fileAt((await ask({ files: [file] }, folder)).files, file);
    return fact.kind === 'file' ? fact.sha256 : undefined;
  };
  assert.equal(await digest(), 'noted');
  writeFileSync(file, Buffer.alloc(100_000, 'b'));
  assert.equal(await digest(), execFileSync('sha256sum', [file], { encoding: 'utf8' }).split(' ')[0]);
});

test('packages are installed, absent with or without a candidate, and never guessed', async () => {
  const apt = ['dpkg', 'no-such-package-of-anyone'];
  const { packages } = await ask({ packages: { apt, dnf: ['ignored'] } });
  assert.equal(packages.manager, 'apt');
  assert.equal(packages.packages.get('dpkg')?.state, 'installed');
  assert.match(packages.packages.get('dpkg')?.version ?? '', /^1\./);
  assert.deepEqual(packages.packages.get('no-such-package-of-anyone'), {
    state: 'absent',
    version: undefined,
    candidate: undefined,
  });
  assert.equal(packages.packages.has('ignored'), false);
});

test('kernel facts come without lsmod: modules, parameters, interfaces', async () => {
  const { kernel } = await ask({
    modules: ['overlay', 'no_such_module'],
    sysctls: ['kernel.ostype', 'net.ipv4.ip_forward', 'net.no.such'],
    interfaces: ['lo', 'nosuch0'],
  });
  assert.equal(kernel.modules.get('overlay'), 'active');
  assert.equal(kernel.modules.get('no_such_module'), 'missing');
  assert.equal(kernel.sysctls.get('kernel.ostype')?.value, 'Linux');
  assert.equal(kernel.sysctls.get('net.no.such')?.value, undefined);
  assert.deepEqual([...kernel.interfaces], ['lo']);
});

test('keys of sysctl are found with dots and with slashes', () => {
  assert.equal(sysctlPath('net.ipv4.ip_forward'), '/proc/sys/net/ipv4/ip_forward');
  assert.equal(
    sysctlPath('net.ipv4.conf.eth0/100.forwarding'),
    '/proc/sys/net/ipv4/conf/eth0.100/forwarding',
  );
  assert.equal(
    sysctlPath('net/ipv4/conf/eth0.100/forwarding'),
    '/proc/sys/net/ipv4/conf/eth0.100/forwarding',
  );
});

test('releases are listed with their files and the one in use', async (t) => {
  const releases = folderFor(t);
  for (const version of ['1', '2']) {
    mkdirSync(join(releases, version));
    writeFileSync(join(releases, version, 'node'), version, { mode: 0o755 });
  }
  symlinkSync('2', join(releases, 'current'));
  const facts = await ask({ releases: [releases] });
  assert.equal(facts.releases.current, '2');
  assert.deepEqual([...facts.releases.releases.keys()], ['1', '2']);
  const node = facts.releases.releases.get('1')?.get('node');
  assert.ok(node?.kind === 'file' && node.text === '1');
});

test('free space is that of the file system that would hold a folder', async () => {
  const { disks } = await ask({ disks: ['/usr/lib/not/there/yet', '/proc'] });
  const there = disks.get('/usr/lib/not/there/yet');
  assert.ok(there !== undefined && there.freeBytes > 1_000_000);
  assert.equal(there.mountPoint, execFileSync('stat', ['-c', '%m', '/usr/lib'], { encoding: 'utf8' }).trim());
});

test('what berth noted on the host is read back, and what a newer berth noted is left alone', async (t) => {
  const state = folderFor(t);
  mkdirSync(join(state, 'generations/000001'), { recursive: true });
  const origin = [
    'package\trunc',
    `file\t${state}/a\tabsent`,
    `file\t${state}/b\tfile\tf00\t640\t0:4`,
    `file\t${state}/c\tlink\t/target`,
    `folder\t${state}/generations`,
    'unit\tberthd.service\t-\tinactive',
    'sysctl\tnet.ipv4.ip_forward\t0',
    'module\toverlay',
    'interface\tcni0',
    'novelty\tx',
  ];
  writeFileSync(join(state, 'origin'), `${origin.join('\n')}\n`);
  writeFileSync(join(state, 'applied'), `${state}/a\tone\n${state}/a\ttwo\n`);
  writeFileSync(join(state, 'generations/000001/by'), 'me@laptop\t2026-01-01T00:00:00Z\n');
  writeFileSync(join(state, 'generations/000001/journal'), 'begin\ta\t1\ndone\ta\t2\nbegin\tb\t3\n');
  const { install, files } = await ask({}, state);
  assert.deepEqual(install.origins, [
    { kind: 'package', name: 'runc' },
    { kind: 'file', path: `${state}/a`, before: { kind: 'absent' } },
    { kind: 'file', path: `${state}/b`, before: { kind: 'file', sha256: 'f00', mode: 0o640, owner: '0:4' } },
    { kind: 'file', path: `${state}/c`, before: { kind: 'link', target: '/target' } },
    { kind: 'folder', path: `${state}/generations` },
    { kind: 'unit', name: 'berthd.service', fileState: '-', activeState: 'inactive' },
    { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '0' },
    { kind: 'module', name: 'overlay' },
    { kind: 'interface', name: 'cni0' },
  ]);
  assert.equal(install.applied.get(`${state}/a`), 'two');
  const by = 'me@laptop\t2026-01-01T00:00:00Z';
  assert.deepEqual(install.interrupted, { by, step: 'b', kind: 'apply', end: 'cut' });
  // Paths that berth touched are reported although nobody asked.
  assert.equal(fileAt(files, `${state}/generations`).kind, 'directory');
});

test('a step that failed and a wish to stop are told from a connection that was cut', async (t) => {
  const state = folderFor(t);
  const generation = join(state, 'generations/000001');
  mkdirSync(generation, { recursive: true });
  writeFileSync(join(generation, 'by'), 'me@laptop\t2026-01-01T00:00:00Z\n');
  writeFileSync(join(generation, 'about'), 'rollback\t0\t0.1.0\tabc\t2\n');
  for (const { journal, outcome, step, end } of [
    { journal: 'begin\ta\t1\nfail\ta\t2\n', outcome: 'fail\t-\t2\n', step: 'a', end: 'failed' },
    { journal: 'begin\ta\t1\ndone\ta\t2\n', outcome: 'stopped\t-\t2\n', step: 'a', end: 'stopped' },
    { journal: '', outcome: '', step: '', end: 'cut' },
  ]) {
    writeFileSync(join(generation, 'journal'), journal);
    writeFileSync(join(generation, 'outcome'), outcome);
    const { interrupted } = (await ask({}, state)).install;
    assert.deepEqual(interrupted, { by: 'me@laptop\t2026-01-01T00:00:00Z', step, kind: 'rollback', end });
  }
});

test('a word that the shell would split is refused before it is asked', async () => {
  await assert.rejects(
    probeScript({ ...nothingAsked, files: ['/etc/with blank'] }),
    (error) => error instanceof Fail && error.code === 'Internal',
  );
});

test('os-release is read with its quotes and without', () => {
  const text =
    'NAME="Ubuntu"\nID=ubuntu\nID_LIKE="debian other"\nVERSION_ID=\'24.04\'\nPRETTY_NAME="A \\"b\\" $c"\n# x\n';
  assert.deepEqual(parseOsRelease(text), {
    id: 'ubuntu',
    idLike: ['debian', 'other'],
    versionId: '24.04',
    prettyName: 'A "b" $c',
  });
});

for (const shell of [['dash'], ['busybox', 'sh'], ['bash', '--posix']])
  test(`small files of any content are told apart, through ${shell.join(' ')}`, async (t) => {
    const folder = folderFor(t);
    const contents = ['', 'no newline', '\n\n', 'a\n', '\0\u00ff\t@files\n', '', 'x'.repeat(65_536)];
    const files = contents.map((content, index) => {
      const path = join(folder, `f${index}`);
      writeFileSync(path, content);
      return path;
    });
    writeFileSync(join(folder, 'back\\slash'), 'quoted');
    const facts = await ask({ files, folders: [folder] }, undefined, shell);
    for (const [index, path] of files.entries()) {
      const fact = fileAt(facts.files, path);
      assert.ok(fact.kind === 'file');
      assert.equal(fact.text, contents[index]);
    }
    const quoted = fileAt(facts.files, join(folder, 'back\\slash'));
    assert.equal(quoted.kind === 'file' && quoted.text, 'quoted');
  });

test('a file that was written while it was read is no fact', () => {
  const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  const small = ['small', '/etc/a', '644 0:0 1700000000 3'];
  const contents = (text: string) => ['contents', Buffer.from(text).toString('base64')];
  assert.equal(parseFiles([small, ['digest', digest], contents('abc')]).size, 1);
  for (const text of ['abd', 'ab', ''])
    assert.throws(
      () => parseFiles([small, ['digest', digest], contents(text)]),
      (error) => error instanceof Fail && error.code === 'HostMoved',
    );
});
