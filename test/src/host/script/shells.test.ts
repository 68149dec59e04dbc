import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { probeScript, splitTopics } from '../../../../src/host/facts/probe.ts';
import { carryOut } from '../../../../src/host/script/carry-out.ts';
import type { Encoding } from '../../../../src/host/script/compress.ts';
import type { Step, Work } from '../../../../src/host/script/step.ts';
import type { Connection, RemoteProcess } from '../../../../src/host/transport/connection.ts';

const run = promisify(execFile);

const shells: readonly {
  readonly name: string;
  readonly argv: readonly string[];
  readonly applets?: true;
}[] = [
  { name: 'dash', argv: ['dash'] },
  { name: 'bash --posix', argv: ['bash', '--posix'] },
  { name: 'busybox sh, with the applets of busybox', argv: ['busybox', 'sh'], applets: true },
];

/** Runs scripts with one shell, as the root shell of a host does after the login. */
function connectionOver(argv: readonly string[], path: string): Connection {
  const start = (script: string) => {
    const [program = '', ...rest] = argv;
    return spawn(program, [...rest, '-c', script], {
      env: { PATH: path, LC_ALL: 'C', HOME: '/nonexistent', SHLVL: '1' },
    });
  };
  const none = () => Promise.reject(new Error('not in this test'));
  return {
    host: 'node',
    address: argv.join(' '),
    async sh(script) {
      const child = start(script);
      child.stdin.end();
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
      const [exitCode] = (await once(child, 'close')) as [number];
      return { exitCode, signal: undefined, stdout, stderr };
    },
    async spawn(script): Promise<RemoteProcess> {
      const child = start(script);

      const exited = once(child, 'close').then(([code]) => ({ exitCode: Number(code), signal: undefined }));
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited };
    },
    forwardToLocal: none,
    interact: none,
    stats: () => ({ roundTrips: 0, channels: 0, mostChannels: 0, bytesSent: 0, bytesReceived: 0 }),
    close: async () => {},
  };
}

/** One piece of work of each kind, a guarded one among them. */
function works(
  at: (path: string) => string,
  upload: { path: string; sha256: string; bytes: number },
): Work[] {
  const write = (path: string, text: string): Step => ({
    kind: 'write',
    path: at(path),
    content: { kind: 'text', text },
    mode: 0o640,
  });
  return [
    {
      id: 'text',
      summary: 'text',
      makesStale: ['a.service'],
      origins: [{ kind: 'unit', name: 'a.service', fileState: '', activeState: 'inactive' }],
      steps: [write('etc/deep/odd', `quotes ' " \\\\ $HOME %s\\n\ttab`), write('etc/conf', 'new')],
    },
    {
      id: 'upload',
      summary: 'upload',
      steps: [
        { kind: 'write', path: at('usr/program'), content: { kind: 'local-file', ...upload }, mode: 0o755 },
        { kind: 'copy', from: at('usr/program'), path: at('usr/second'), sha256: upload.sha256, mode: 0o755 },
        { kind: 'link', path: at('usr/current'), target: 'program' },
      ],
    },
    {
      id: 'guarded',
      summary: 'guarded',
      guarded: true,
      steps: [
        { kind: 'run', argv: ['sh', '-c', 'echo "$1" > "$2"', 'sh', "it's", at('ran')], deadlineSeconds: 10 },
      ],
    },
    {
      id: 'delete',
      summary: 'delete',
      refreshes: ['a.service'],
      steps: [
        { kind: 'delete', path: at('etc/gone') },
        { kind: 'delete', path: at('old'), recursive: 'kept' },
      ],
    },
  ];
}

/** Files of the host and berth's memory of it, without what names the run. */
async function stateOf(root: string): Promise<string> {
  const { stdout } = await run('sh', [
    '-c',
    `cd "$1"; find host state -printf '%p %y %m %l\\n' | grep -v /guard | grep -v /output | sort; find host state/objects -type f | sort | xargs sha256sum
     cat state/origin state/generations/*/before state/generations/*/about; cut -f1,2 state/generations/*/journal state/generations/*/outcome; ls transient/stale`,
    'sh',
    root,
  ]);
  // The end of a generation has its time where a change has its name.
  return stdout.replaceAll(root, '').replace(/^(end|.*digests.*)\t?.*$/gm, '$1');
}

async function carryOutUnder(shell: (typeof shells)[number], encoding: Encoding): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'berth-shell-'));
  try {
    const bin = join(root, 'bin');
    await mkdir(bin);
    if (shell.applets) await run('busybox', ['--install', '-s', bin]);
    const path = shell.applets ? `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` : '/usr/sbin:/usr/bin:/sbin:/bin';
    const at = (name: string) => join(root, 'host', name);
    await mkdir(at('etc'), { recursive: true });
    await mkdir(at('old/deep'), { recursive: true });
    await writeFile(at('etc/conf'), 'as it was');
    await writeFile(at('etc/gone'), 'gone');
    await writeFile(at('old/deep/file'), 'kept');
    const upload = join(root, 'upload');
    await writeFile(upload, program);
    const connection = connectionOver(shell.argv, path);
    const sha256 = createHash('sha256').update(program).digest('hex');
    await carryOut(connection, works(at, { path: upload, sha256, bytes: program.length }), {
      mode: 'apply',
      phase: 'apply',
      about: { berth: '1', spec: '{}', keep: 3 },
      space: [{ folder: root, bytes: 1000 }],
      emit: () => {},
      signal: AbortSignal.timeout(60_000),
      reconnect: async () => connectionOver(shell.argv, path),
      graceSeconds: 20,
      encoding,
      state: join(root, 'state'),
      transient: join(root, 'transient'),
    });
    assert.equal(await readFile(at('ran'), 'utf8'), "it's\n");
    return await stateOf(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const program = randomBytes(300_000);
const wanted = carryOutUnder({ name: 'dash', argv: ['dash'] }, 'gzip');

for (const shell of shells) {
  test(`the same work leaves the same state under ${shell.name}`, async () => {
    for (const encoding of ['gzip', 'zstd'] as const)
      assert.equal(await carryOutUnder(shell, encoding), await wanted, encoding);
  });

  test(`a command that takes too long is told as such under ${shell.name}`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'berth-shell-'));
    t.after(() => rm(root, { recursive: true, force: true }));
    const bin = join(root, 'bin');
    await mkdir(bin);
    if (shell.applets) await run('busybox', ['--install', '-s', bin]);
    const connection = connectionOver(shell.argv, `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`);
    const slow: Work = {
      id: 'slow',
      summary: 'slow',
      steps: [{ kind: 'run', argv: ['sleep', '20'], deadlineSeconds: 1 }],
    };
    await assert.rejects(
      carryOut(connection, [slow], {
        mode: 'apply',
        phase: 'apply',
        space: [],
        emit: () => {},
        signal: AbortSignal.timeout(30_000),
        state: join(root, 'state'),
        transient: join(root, 'transient'),
      }),
      { code: 'DeadlineExceeded' },
    );
  });

  test(`a probe answers to its end under ${shell.name}`, async () => {
    const script = await probeScript({
      packages: { apt: ['coreutils'], dnf: [] },
      files: ['/etc/passwd', '/no/such/file'],
      folders: [],
      units: [],
      modules: ['overlay'],
      sysctls: ['net.ipv4.ip_forward'],
      interfaces: ['lo'],
      disks: ['/usr'],
      releases: ['/usr/lib/berth'],
    });
    const connection = connectionOver(shell.argv, '/usr/sbin:/usr/bin:/sbin:/bin');
    const { exitCode, stdout, stderr } = await connection.sh(script, { signal: AbortSignal.timeout(30_000) });
    assert.equal(exitCode, 0, stderr);
    const topics = splitTopics(stdout);
    assert.ok(topics.has('end'), stdout.slice(-300));
    assert.ok(topics.get('files')?.some(([kind, path]) => kind === 'absent' && path === '/no/such/file'));
    assert.ok(topics.get('kernel')?.some(([kind, name]) => kind === 'interface' && name === 'lo'));
  });
}
