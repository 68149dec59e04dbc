import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import type { Event } from '../../../../src/core/events.ts';
import { CommandFailed } from '../../../../src/core/fail.ts';
import { type CarryOutOptions, carryOut } from '../../../../src/host/script/carry-out.ts';
import { compressFile, type Encoding } from '../../../../src/host/script/compress.ts';
import type { Content, Step, Work } from '../../../../src/host/script/step.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';
import { failure } from '../../../harness/failure.ts';

const run = promisify(execFile);

/** A folder that stands for a host's file system, and the connection that reaches it. */
async function bench() {
  const root = await mkdtemp(join(tmpdir(), 'berth-carry-'));
  const connection = await openConnection(
    { name: 'node-1', address: { kind: 'local' }, sudo: false, sudoPassword: undefined },
    'local',
    {
      signal: AbortSignal.timeout(60_000),
      readSecret: () => Promise.reject(new Error('no secret here')),
      emit: () => {},
    },
  );
  const events: Event[] = [];
  const options: CarryOutOptions = {
    mode: 'apply',
    phase: 'apply',
    space: [],
    emit: (event) => events.push(event),
    signal: AbortSignal.timeout(60_000),
    state: join(root, 'state'),
    transient: join(root, 'transient'),
  };
  return {
    root,
    events,
    at: (path: string) => join(root, path),
    read: (path: string) => readFile(join(root, path), 'utf8'),
    state: (name: string) => readFile(join(root, 'state', name), 'utf8'),
    carryOut: (works: readonly Work[], changed: Partial<CarryOutOptions> = {}) =>
      carryOut(connection, works, { ...options, ...changed }),
    async [Symbol.asyncDispose]() {
      await connection.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

const work = (id: string, ...steps: Step[]): Work => ({ id, summary: `do ${id}`, steps });
const write = (path: string, text: string, mode = 0o644): Step => ({
  kind: 'write',
  path,
  content: { kind: 'text', text },
  mode,
});
const sh = (script: string, deadlineSeconds = 20): Step => ({
  kind: 'run',
  argv: ['sh', '-c', script],
  deadlineSeconds,
});

/** A process that holds a lock until it is told to end. */
async function holdLock(file: string): Promise<ChildProcess & AsyncDisposable> {
  const child = spawn('flock', [file, 'sh', '-c', 'echo held; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(child.stdout, 'data');
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      process.kill(-child.pid, 'SIGKILL');
      await once(child, 'exit');
    },
  });
}

test('files, links and commands come out as asked, whatever bytes they hold', async () => {
  await using host = await bench();
  const odd = `quotes ' " \\ \\n $HOME \`x\` %s\n\ttab é\nno newline at the end`;
  await host.carryOut([
    work('text', write(host.at('etc/deep/odd.conf'), odd, 0o600)),
    work('empty', write(host.at('etc/empty'), '')),
    work('link', { kind: 'link', path: host.at('etc/current'), target: 'deep' }),
    work('run', {
      kind: 'run',
      argv: ['sh', '-c', 'printf %s "$1$X" > "$2"', 'sh', odd, host.at('ran')],
      deadlineSeconds: 5,
      env: { X: "it's\nx" },
    }),
  ]);
  assert.equal(await host.read('etc/deep/odd.conf'), odd);
  assert.equal((await stat(host.at('etc/deep/odd.conf'))).mode & 0o777, 0o600);
  assert.equal(await host.read('etc/empty'), '');
  assert.equal(await host.read('etc/current/odd.conf'), odd);
  assert.equal(await host.read('ran'), `${odd}it's\nx`);
  const steps = host.events.filter((event) => event.kind === 'step-ended');
  assert.deepEqual(
    steps.map(({ id, failed }) => [id, failed]),
    [
      ['text', false],
      ['empty', false],
      ['link', false],
      ['run', false],
    ],
  );
});

test('a large local file arrives compressed, with progress, and its digest is noted for the next probe', async () => {
  await using host = await bench();
  const content = Buffer.concat([randomBytes(3_000_001), Buffer.alloc(2_000_000)]);
  const source = host.at('source');
  await writeFile(source, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const upload: Step = {
    kind: 'write',
    path: host.at('usr/bin/program'),
    content: { kind: 'local-file', path: source, sha256, bytes: content.length },
    mode: 0o755,
  };
  await host.carryOut([work('upload', upload)]);
  assert.ok((await readFile(host.at('usr/bin/program'))).equals(content));
  const progress = host.events.filter((event) => event.kind === 'bytes');
  assert.ok(progress.length > 5);
  const last = progress.at(-1);
  assert.ok(last !== undefined && last.done === last.total && last.total === content.length);
  const { size, ino } = await stat(host.at('usr/bin/program'));
  const [digest, status = '', path] = (await host.state('digests')).trim().split(' ');
  const [bytes, inode] = status.split(',');
  assert.deepEqual(
    [digest, bytes, inode, path],
    [sha256, String(size), String(ino), host.at('usr/bin/program')],
  );
});

test('what was there before is noted once and kept, and folders that were made are known', async () => {
  await using host = await bench();
  await mkdir(host.at('etc'));
  await writeFile(host.at('etc/policy.json'), 'the admin wrote this', { mode: 0o640 });
  await host.carryOut([work('a', write(host.at('etc/policy.json'), 'first'), write(host.at('new/x'), 'x'))]);
  await host.carryOut([work('b', write(host.at('etc/policy.json'), 'second'))]);
  const sha256 = createHash('sha256').update('the admin wrote this').digest('hex');
  assert.deepEqual((await host.state('origin')).trim().split('\n'), [
    `file\t${host.at('etc/policy.json')}\tfile\t${sha256}\t640\t0:0`,
    `file\t${host.at('new/x')}\tabsent`,
    `folder\t${host.at('new')}`,
  ]);
  assert.equal(await host.state(`objects/${sha256}`), 'the admin wrote this');
  assert.deepEqual(await readdir(host.at('state/generations')), ['000001', '000002']);
  assert.match(await host.state('generations/000002/journal'), /^begin\tb\t\d+\ndone\tb\t\d+\nend\t\d+\n$/);
});

test('a command that fails ends the apply, shows what it printed, and later changes are not begun', async () => {
  await using host = await bench();
  const error = await failure(
    host.carryOut([
      work('bad', sh('echo to stdout; echo to stderr >&2; exit 7')),
      work('later', write(host.at('later'), 'x')),
    ]),
  );
  assert.ok(error instanceof CommandFailed);
  assert.equal(error.exitCode, 7);
  assert.equal(error.stdout, 'to stdout\nto stderr');
  assert.match(error.message, /node-1: do bad: exit code 7: to stderr/);
  const ended = host.events.find((event) => event.kind === 'step-ended' && event.id === 'bad');
  assert.ok(ended?.kind === 'step-ended' && ended.failed);
  assert.match(ended.detail ?? '', /^exit code 7: to stderr/, 'the event names host and step itself');
  await assert.rejects(stat(host.at('later')));
  assert.match(await host.state('generations/000001/journal'), /fail\tbad/);
});

test('a command that hangs is ended at its deadline', async () => {
  await using host = await bench();
  const error = await failure(host.carryOut([work('hang', sh('sleep 30', 1))]));
  assert.equal(error.code, 'DeadlineExceeded');
  const ended = host.events.find((event) => event.kind === 'step-ended');
  assert.ok(ended?.kind === 'step-ended');
  assert.equal(ended.code, 'DeadlineExceeded', 'as a report of the change says it');
});

test('the second of two applies on one host learns who holds the lock', async () => {
  await using host = await bench();
  const first = host.carryOut([work('slow', sh(`: > ${host.at('started')}; sleep 2`))]);
  for (let tries = 0; tries < 100; tries += 1) {
    if (await stat(host.at('started')).catch(() => undefined)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const error = await failure(host.carryOut([work('other', write(host.at('other'), 'x'))]));
  assert.equal(error.code, 'Locked');
  assert.match(error.message, /\w+@\S+ since \d{4}-\d\d-\d\dT/);
  await assert.rejects(stat(host.at('other')));
  await first;
  await host.carryOut([work('other', write(host.at('other'), 'x'))]);
});

test('a package manager that is locked is waited for, and named', async () => {
  await using host = await bench();
  const lock = host.at('dpkg-lock');
  await using holder = await holdLock(lock);
  setTimeout(() => holder.pid && process.kill(-holder.pid, 'SIGKILL'), 1500);
  const install: Step = { kind: 'run', argv: ['true'], deadlineSeconds: 30, locks: [lock] };
  await host.carryOut([work('install', install)]);
  const notes = host.events.filter((event) => event.kind === 'note');
  assert.equal(notes.length, 1);
  assert.match(notes[0]?.message ?? '', /waiting for the package manager: pid \d+ \(/);
});

test('a package manager that stays locked fails with who holds it', async () => {
  await using host = await bench();
  const lock = host.at('dpkg-lock');
  await using _holder = await holdLock(lock);
  const install: Step = { kind: 'run', argv: ['true'], deadlineSeconds: 2, locks: [lock] };
  const error = await failure(host.carryOut([work('install', install)]));
  assert.equal(error.code, 'PackageLock');
  assert.match(error.message, /locked by pid \d+ \((flock|sleep)/);
});

test('an apply that is cancelled while it waits for a lock leaves at once', async () => {
  await using host = await bench();
  const lock = host.at('dpkg-lock');
  await using _holder = await holdLock(lock);
  const cancel = new AbortController();
  const install: Step = { kind: 'run', argv: ['true'], deadlineSeconds: 60, locks: [lock] };
  const started = performance.now();
  const error = await failure(
    host.carryOut([work('install', install)], {
      signal: cancel.signal,
      emit: (event) => event.kind === 'note' && cancel.abort(),
    }),
  );
  assert.equal(error.code, 'Cancelled');
  assert.ok(performance.now() - started < 20_000);
});

async function smallDisk(folder: string): Promise<AsyncDisposable> {
  await mkdir(folder);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  return { [Symbol.asyncDispose]: async () => void (await run('umount', [folder])) };
}

test('without space for the whole apply nothing is begun', async () => {
  await using host = await bench();
  await using _disk = await smallDisk(host.at('disk'));
  const error = await failure(
    host.carryOut([work('a', write(host.at('disk/a'), 'x'))], {
      space: [{ folder: host.at('disk'), bytes: 2_000_000 }],
    }),
  );
  assert.equal(error.code, 'DiskFull');
  assert.match(error.message, /needs 2000000 bytes, \d+ are free/);
  assert.deepEqual(await readdir(host.at('disk')), []);
});

test('a file that cannot be written is named, with the words of the host and where to look', async () => {
  await using host = await bench();
  await using _disk = await smallDisk(host.at('disk'));
  await run('mount', ['-o', 'remount,ro', host.at('disk')]);
  const error = await failure(host.carryOut([work('a', write(host.at('disk/a'), 'x'))]));
  assert.equal(error.code, 'CommandFailed');
  assert.match(
    error.message,
    new RegExp(`^node-1: do a: ${host.at('disk/a')} cannot be written: .*Read-only file system$`),
  );
  assert.match(String(error.context['output']), /Read-only file system$/);
  assert.match(error.hint ?? '', /read-only/);
});

test('a file that something is mounted on is named as such, however it is to change', async () => {
  await using host = await bench();
  const path = host.at('crictl.yaml');
  await writeFile(path, 'old');
  await run('mount', ['--bind', path, path]);
  try {
    const works = { written: write(path, 'x'), deleted: { kind: 'delete', path } } as const;
    for (const [how, step] of Object.entries(works)) {
      const error = await failure(host.carryOut([work('before', sh('echo noise >&2')), work('a', step)]));
      assert.equal(error.code, 'CommandFailed');
      assert.match(
        error.message,
        new RegExp(`crictl.yaml cannot be ${how}: (mv|rm): .*Device or resource busy$`),
      );
      assert.match(String(error.context['output']), /^(mv|rm): [^\n]*$/, 'nothing of the changes before');
      assert.equal(
        error.hint,
        `Something is mounted there: see it with findmnt ${path}, take it away with umount ${path}, and run the same command again: it goes on where this one stopped.`,
      );
    }
  } finally {
    await run('umount', [path]);
  }
});

async function localFile(path: string, bytes: Buffer): Promise<Extract<Content, { kind: 'local-file' }>> {
  await writeFile(path, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { kind: 'local-file', path, sha256, bytes: bytes.length };
}

const encodings: readonly Encoding[] = ['gzip', 'zstd'];

const filling = [
  { when: 'while it is sent', bytes: randomBytes(40_000_000) },
  { when: 'when all was sent', bytes: Buffer.alloc(2_000_000, 'small on the way ') },
].flatMap((each) => encodings.map((encoding) => ({ ...each, encoding })));
for (const { when, bytes, encoding } of filling)
  test(`a disk that fills up ${when} (${encoding}) leaves no half-written file, and the old content`, async () => {
    await using host = await bench();
    await using _disk = await smallDisk(host.at('disk'));
    await writeFile(host.at('disk/file'), 'old');
    const content = await localFile(host.at('source'), bytes);
    const error = await failure(
      host.carryOut([work('big', { kind: 'write', path: host.at('disk/file'), content, mode: 0o644 })], {
        encoding,
      }),
    );
    assert.equal(error.code, 'DiskFull');
    assert.equal(await host.read('disk/file'), 'old');
    assert.deepEqual(await readdir(host.at('disk')), ['file']);
    const sent = Math.max(0, ...host.events.map((event) => (event.kind === 'bytes' ? event.done : 0)));
    assert.ok(sent <= 20_000_000, `nothing is sent that nobody wants any more: ${sent} bytes were`);
  });

for (const encoding of encodings)
  test(`a large file arrives as it is here, and one that was changed on the way does not (${encoding})`, async () => {
    await using host = await bench();
    const content = await localFile(host.at('source'), randomBytes(1_000_000));
    const put = (path: string) =>
      host.carryOut([work('file', { kind: 'write', path, content, mode: 0o644 })], { encoding });
    await put(host.at('file'));
    assert.deepEqual(await readFile(host.at('file')), await readFile(host.at('source')));
    const { bytes } = await compressFile(content.path, content.sha256, encoding);
    // Whole, as long, and something else: only the digest tells.
    const other = await localFile(host.at('other-source'), randomBytes(1_000_000));
    const changed = await compressFile(other.path, other.sha256, encoding);
    assert.equal(changed.bytes.copy(bytes), bytes.length);
    assert.equal(changed.bytes.length, bytes.length);
    const error = await failure(put(host.at('other')));
    assert.equal(error.message, `node-1: do file: ${host.at('other')} cannot be written`);
    await assert.rejects(stat(host.at('other')));
  });

test('a change that is cancelled is finished, the next is not begun', async () => {
  await using host = await bench();
  const cancel = new AbortController();
  const applying = host.carryOut(
    [
      work('first', sh(`: > ${host.at('started')}; sleep 1; : > ${host.at('finished')}`)),
      work('second', write(host.at('second'), 'x')),
    ],
    { signal: cancel.signal, emit: (event) => event.kind === 'step-started' && cancel.abort() },
  );
  const error = await failure(applying);
  assert.equal(error.code, 'Cancelled');
  await stat(host.at('finished'));
  await assert.rejects(stat(host.at('second')));
  await host.carryOut([work('second', write(host.at('second'), 'x'))]);
});

test('an apply that is interrupted before its turn begins nothing, and leaves the one at work alone', async () => {
  await using host = await bench();
  const { promise: began, resolve } = Promise.withResolvers<void>();
  const atWork = host.carryOut(
    [work('first', sh('sleep 1')), work('second', write(host.at('second'), 'x'))],
    { emit: (event) => event.kind === 'step-started' && resolve() },
  );
  await began;
  const cancel = new AbortController();
  const waiting = failure(
    host.carryOut([work('late', write(host.at('late'), 'x'))], { signal: cancel.signal }),
  );
  cancel.abort();
  assert.equal((await waiting).code, 'Cancelled');
  await atWork;
  assert.equal(await host.read('second'), 'x');
  await assert.rejects(stat(host.at('late')));
});

/** A package manager of our own: what is installed are the lines of a file. */
async function packageList(host: { at(path: string): string }): Promise<Disposable> {
  await mkdir(host.at('bin'));
  await writeFile(host.at('bin/dpkg-query'), `#!/bin/sh\ncat ${host.at('packages')}\n`, { mode: 0o755 });
  await writeFile(host.at('packages'), 'install ok installed base\n');
  const path = process.env['PATH'];
  process.env['PATH'] = `${host.at('bin')}:${path}`;
  return {
    [Symbol.dispose]: () => {
      process.env['PATH'] = path;
    },
  };
}

test('packages are noted as brought, also those of an installation that failed in the middle', async () => {
  await using host = await bench();
  using _ = await packageList(host);
  const install = (name: string, exitCode: number): Work => ({
    ...work(name, sh(`echo install ok installed ${name} >> ${host.at('packages')}; exit ${exitCode}`)),
    bringsPackages: true,
  });
  await host.carryOut([install('runc', 0)]);
  assert.match(await host.state('origin'), /^package\trunc$/m);
  await failure(host.carryOut([install('socat', 1)]));
  assert.match(await host.state('origin'), /^package\tsocat$/m);
  assert.doesNotMatch(await host.state('origin'), /base/);
});

test('a package that was there half done is not brought by who finishes it; one that was left so is', async () => {
  await using host = await bench();
  using _ = await packageList(host);
  const packages = host.at('packages');
  await writeFile(
    packages,
    'install ok unpacked tree 1\ninstall ok triggers-pending libc-bin 2\ndeinstall ok config-files gone 1\n',
  );
  const finish = `sed -i 's/unpacked\\|triggers-pending/installed/' ${packages}`;
  const install: Work = {
    ...work(
      'packages',
      sh(
        `${finish}; echo install ok installed runc 1 >> ${packages}; echo install ok half-configured jq 1 >> ${packages}; exit 1`,
      ),
    ),
    bringsPackages: true,
  };
  await failure(host.carryOut([install]));
  assert.equal(await host.state('origin'), 'package\tjq\npackage\trunc\n');
});

test('a unit is stale from the first change to its files until it was restarted', async () => {
  await using host = await bench();
  const changed: Work = { ...work('conf', write(host.at('conf'), 'x')), makesStale: ['berthd.service'] };
  const restart: Work = { ...work('restart', sh('exit 1')), refreshes: ['berthd.service'] };
  await failure(host.carryOut([changed, restart]));
  assert.deepEqual(await readdir(host.at('transient/stale')), ['berthd.service']);
  await host.carryOut([{ ...restart, steps: [sh('exit 0')] }]);
  assert.deepEqual(await readdir(host.at('transient/stale')), []);
});

test('what an apply that was cut off left beside its target is removed by the next', async () => {
  await using host = await bench();
  await host.carryOut([work('a', write(host.at('etc/a'), 'a'))]);
  await writeFile(host.at('etc/.b.berth-new'), 'half');
  await writeFile(host.at('state/temporary'), `${host.at('etc/.b.berth-new')}\n`);
  await host.carryOut([work('c', write(host.at('etc/c'), 'c'))]);
  assert.deepEqual(await readdir(host.at('etc')), ['a', 'c']);
});

test('a folder in the way of a file is not replaced', async () => {
  await using host = await bench();
  await mkdir(host.at('etc/conf'), { recursive: true });
  const error = await failure(host.carryOut([work('conf', write(host.at('etc/conf'), 'x'))]));
  assert.equal(error.code, 'Unsupported');
});

test('a reset forgets everything, and a deleted tree takes its mounts along but not their contents', async () => {
  await using host = await bench();
  await host.carryOut([work('a', write(host.at('etc/a'), 'a'))]);
  await mkdir(host.at('run/pod'), { recursive: true });
  await mkdir(host.at('precious'));
  await writeFile(host.at('precious/file'), 'x');
  await run('mount', ['--bind', host.at('precious'), host.at('run/pod')]);
  // What a daemon leaves that was killed: a socket is a tree too, without branches.
  await run('mkfifo', [host.at('socket')]);
  await host.carryOut(
    [
      work('tree', { kind: 'delete', path: host.at('run'), recursive: true }),
      work('socket', { kind: 'delete', path: host.at('socket'), recursive: true }),
      work('file', { kind: 'delete', path: host.at('etc/a') }),
      work('folder', { kind: 'delete', path: host.at('etc') }),
    ],
    { mode: 'reset', phase: 'reset' },
  );
  assert.deepEqual((await readdir(host.root)).toSorted(), ['precious']);
  assert.equal(await host.read('precious/file'), 'x');
});

test('a copy that a run before had made already is made again, also onto itself', async () => {
  await using host = await bench();
  const content = randomBytes(100_000);
  await mkdir(host.at('old'));
  await writeFile(host.at('old/node'), content, { mode: 0o600 });
  const sha256 = createHash('sha256').update(content).digest('hex');
  const copy = (to: string): Work =>
    work(to, { kind: 'copy', from: host.at('old/node'), path: host.at(to), sha256, mode: 0o755 });
  await host.carryOut([copy('new/node')]);
  await host.carryOut([copy('new/node'), copy('old/node')]);
  for (const path of ['new/node', 'old/node']) {
    assert.ok((await readFile(host.at(path))).equals(content));
    assert.equal((await stat(host.at(path))).mode & 0o777, 0o755);
  }
});

test('a second apply waits for its turn when it is told to, and says for whom', async () => {
  await using host = await bench();
  const { promise: began, resolve } = Promise.withResolvers<void>();
  const first = host.carryOut([work('slow', sh('sleep 1'))], {
    emit: (event) => event.kind === 'step-started' && resolve(),
  });
  await began;
  await host.carryOut([work('other', write(host.at('other'), 'x'))], { lockTimeoutSeconds: 30 });
  await first;
  assert.equal(await host.read('other'), 'x');
  const [note] = host.events.filter((event) => event.kind === 'note');
  assert.match(note?.message ?? '', /waiting for its turn: \w+@\S+ since/);
});

test('a plan made before another apply changed the host is refused', async () => {
  await using host = await bench();
  await host.carryOut([work('a', write(host.at('a'), 'x'))], { newest: 0 });
  const error = await failure(host.carryOut([work('b', write(host.at('b'), 'x'))], { newest: 0 }));
  assert.equal(error.code, 'HostMoved');
  await assert.rejects(stat(host.at('b')));
});

test('a plan made while a cut-off apply was still at its last change is refused before anything is done', async () => {
  await using host = await bench();
  await host.carryOut([work('a', write(host.at('a'), 'x'))], { newest: 0, journalBytes: 0 });
  const { size } = await stat(host.at('state/generations/000001/journal'));
  const late = { newest: 1, journalBytes: size - 1 };
  const error = await failure(host.carryOut([work('b', write(host.at('b'), 'x'))], late));
  assert.equal(error.code, 'HostMoved');
  assert.equal(error.context['begun'], false);
  await assert.rejects(stat(host.at('b')));
  await host.carryOut([work('b', write(host.at('b'), 'x'))], { newest: 1, journalBytes: size });
});

test('old generations go with what they alone kept, and none since the last one that was proven', async () => {
  await using host = await bench();
  const about = { berth: '1', spec: '{}', keep: 2 };
  const apply = (text: string) => host.carryOut([work('a', write(host.at('a'), text))], { about });
  for (const text of ['1', '2', '3', '4']) await apply(text);
  assert.deepEqual(await readdir(host.at('state/generations')), ['000003', '000004']);
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  assert.deepEqual(
    (await readdir(host.at('state/objects'))).toSorted(),
    [digest('2'), digest('3')].toSorted(),
  );
  await writeFile(host.at('state/generations/000003/outcome'), 'end\t-\t1\nverified\tgreen\t1\n');
  for (const text of ['5', '6', '7']) await apply(text);
  assert.deepEqual(await readdir(host.at('state/generations')), [
    '000003',
    '000004',
    '000005',
    '000006',
    '000007',
  ]);
});

test('nobody else reads a private file on its way to its place', async () => {
  await using host = await bench();
  const content = randomBytes(8_000_000);
  await writeFile(host.at('source'), content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const upload = { kind: 'local-file', path: host.at('source'), sha256, bytes: content.length } as const;
  const done = host.carryOut([
    work('key', { kind: 'write', path: host.at('key'), content: upload, mode: 0o600 }),
  ]);
  const seen = new Set<number>();
  for (let over = false; !over; ) {
    over = await Promise.race([done.then(() => true), new Promise<false>((go) => setImmediate(go, false))]);
    const there = await stat(host.at('.key.berth-new')).catch(() => undefined);
    if (there !== undefined) seen.add(there.mode & 0o777);
  }
  assert.deepEqual([...seen], [0o600]);
});

test('what berth keeps is made whole again when it was damaged, as by a power cut', async () => {
  await using host = await bench();
  await writeFile(host.at('conf'), 'ours');
  await host.carryOut([work('a', write(host.at('conf'), 'theirs'))]);
  const object = join('state/objects', createHash('sha256').update('ours').digest('hex'));
  await writeFile(host.at(object), '');
  await writeFile(host.at('conf'), 'ours');
  await host.carryOut([work('a', write(host.at('conf'), 'theirs'))]);
  assert.equal(await host.read(object), 'ours');
});

test('what was written last is remembered once for each path', async () => {
  await using host = await bench();
  for (const text of ['1', '2', '3'])
    await host.carryOut([work('a', write(host.at('a'), text), write(host.at('b'), 'x'))]);
  const lines = (await host.state('applied')).trim().split('\n');
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  assert.deepEqual(
    lines.toSorted(),
    [`${host.at('a')}\t${digest('3')}`, `${host.at('b')}\t${digest('x')}`].toSorted(),
  );
});

test('what was taken away again is no longer remembered as written, be it alone, in a tree, or for a link', async () => {
  await using host = await bench();
  const paths = ['kept', 'gone', 'linked', 'tree/one', 'tree/two', 'treetop'].map(host.at);
  await host.carryOut([work('a', ...paths.map((path) => write(path, 'x')))]);
  await host.carryOut([
    work(
      'b',
      { kind: 'delete', path: host.at('gone') },
      { kind: 'delete', path: host.at('tree'), recursive: true },
      { kind: 'link', path: host.at('linked'), target: host.at('kept') },
    ),
  ]);
  const lines = (await host.state('applied')).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split('\t')[0]),
    [host.at('kept'), host.at('treetop')],
  );
});

test("berth's own memory on a file system that became read-only is told as such", async () => {
  await using host = await bench();
  await host.carryOut([]);
  await run('mount', ['--bind', host.root, host.root]);
  try {
    await run('mount', ['-o', 'remount,bind,ro', host.root]);
    const error = await failure(host.carryOut([]));
    assert.equal(error.code, 'CommandFailed');
    assert.match(error.message, /state cannot be written/);
  } finally {
    await run('umount', [host.root]);
  }
});
