import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import type { Event } from '../../../../src/core/events.ts';
import { Fail } from '../../../../src/core/fail.ts';
import { carryOut } from '../../../../src/host/script/carry-out.ts';
import type { Step, Work } from '../../../../src/host/script/step.ts';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';
import { addressOf, type Sshd, startSshd } from '../../../harness/sshd.ts';

const run = promisify(execFile);

const connect = (sshd: Sshd): Promise<Connection> =>
  openConnection(
    { name: 'node-1', address: { kind: 'local' }, sudo: false, sudoPassword: undefined },
    addressOf(sshd),
    { signal: AbortSignal.timeout(60_000), readSecret: async () => '', emit: () => {} },
  );

/** A file system before the apply, and the works that change it: one of each kind, and a large upload. */
async function scene(source: { path: string; sha256: string; bytes: number }) {
  const root = await mkdtemp(join(tmpdir(), 'berth-cut-'));
  const at = (path: string) => join(root, 'host', path);
  await mkdir(at('etc'), { recursive: true });
  await writeFile(at('etc/conf'), 'as the admin left it');
  await writeFile(at('etc/gone'), 'to be deleted');
  const text = (path: string, content: string): Step => ({
    kind: 'write',
    path: at(path),
    content: { kind: 'text', text: content },
    mode: 0o644,
  });
  const works: Work[] = [
    { id: 'conf', summary: 'conf', steps: [text('etc/conf', 'new')], makesStale: ['a.service'] },
    {
      id: 'upload',
      summary: 'upload',
      steps: [
        { kind: 'write', path: at('usr/program'), content: { kind: 'local-file', ...source }, mode: 0o755 },
      ],
    },
    { id: 'link', summary: 'link', steps: [{ kind: 'link', path: at('usr/current'), target: 'program' }] },
    {
      id: 'run',
      summary: 'run',
      steps: [
        {
          kind: 'run',
          argv: ['sh', '-c', 'sleep 0.2; echo ran > "$1"', 'sh', at('ran')],
          deadlineSeconds: 10,
        },
      ],
    },
    { id: 'delete', summary: 'delete', steps: [{ kind: 'delete', path: at('etc/gone') }] },
    {
      id: 'restart',
      summary: 'restart',
      steps: [{ kind: 'run', argv: ['true'], deadlineSeconds: 10 }],
      refreshes: ['a.service'],
    },
  ];
  return { root, works };
}

const apply = (connection: Connection, root: string, works: readonly Work[], emit: (event: Event) => void) =>
  carryOut(connection, works, {
    mode: 'apply',
    phase: 'apply',
    space: [],
    emit,
    signal: AbortSignal.timeout(60_000),
    state: join(root, 'state'),
    transient: join(root, 'transient'),
  });

/** Every path with its type, mode and content: equal lists are equal trees. */
async function tree(folder: string): Promise<string[]> {
  const { stdout } = await run('sh', [
    '-c',
    'cd "$1" && find . -printf "%p %y %m %l\\n" | sort && find . -type f | sort | xargs sha256sum',
    'sh',
    folder,
  ]);
  return stdout.split('\n');
}

const originsOf = async (root: string): Promise<string> =>
  (await readFile(join(root, 'state/origin'), 'utf8')).replaceAll(root, '');

/** Carries on where a cut connection left the host: its lock goes with the shell that still ends its step. */
async function applyAgain(sshd: Sshd, root: string, works: readonly Work[]): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const connection = await connect(sshd);
    try {
      await apply(connection, root, works, () => {});
      return;
    } catch (error) {
      if (!(error instanceof Fail) || error.code !== 'Locked' || tries > 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      await connection.close();
    }
  }
}

type Cut = (event: Event) => boolean;

const cuts: [title: string, when: Cut][] = [
  ...['conf', 'upload', 'link', 'run', 'delete', 'restart'].flatMap((id): [string, Cut][] => [
    [`when ${id} begins`, (event) => event.kind === 'step-started' && event.id === id],
    [`when ${id} is done`, (event) => event.kind === 'step-ended' && event.id === id],
  ]),
  ['in the middle of an upload', (event) => event.kind === 'bytes' && event.done > event.total / 2],
];

test('whenever the connection is cut, the next apply arrives at the same state as an undisturbed one', async (t) => {
  await using sshd = await startSshd();
  const folder = await mkdtemp(join(tmpdir(), 'berth-cut-source-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const content = randomBytes(3_000_000);
  const path = join(folder, 'program');
  await writeFile(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const source = { path, sha256, bytes: content.length };

  const undisturbed = await scene(source);
  t.after(() => rm(undisturbed.root, { recursive: true, force: true }));
  await applyAgain(sshd, undisturbed.root, undisturbed.works);
  const wanted = await tree(join(undisturbed.root, 'host'));
  const origins = await originsOf(undisturbed.root);

  for (const [title, when] of cuts) {
    await t.test(title, async (t) => {
      const { root, works } = await scene(source);
      t.after(() => rm(root, { recursive: true, force: true }));
      const connection = await connect(sshd);
      let cut = false;
      const outcome = await apply(connection, root, works, (event) => {
        if (cut || !when(event)) return;
        cut = true;
        sshd.dropConnections();
      }).then(
        () => undefined,
        (error: unknown) => error,
      );
      await connection.close();
      assert.ok(cut, 'the cut never came');
      // After the last change there is nothing left to lose but the word that it is done.
      if (outcome !== undefined) {
        assert.ok(outcome instanceof Fail);
        assert.equal(outcome.code, 'ConnectionLost');
      }
      await applyAgain(sshd, root, works);
      assert.deepEqual(await tree(join(root, 'host')), wanted);
      assert.equal(await originsOf(root), origins);
      assert.deepEqual((await run('ls', [join(root, 'transient/stale')])).stdout, '');
    });
  }
});
