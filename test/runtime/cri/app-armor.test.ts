import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import { createAppArmor } from '../../../runtime/cri/app-armor.ts';
import { createLog } from '../../../runtime/observe/log.ts';
import type { Shim } from '../../../runtime/shim/client/shim.ts';

interface Run {
  readonly argv: readonly string[];
  readonly stdin?: string;
}

/**
 * AppArmor as on a host whose kernel has these profiles. The parser is the real one, and compiles; only the last step
 * is left out, for which this machine's kernel lacks the other half. `parser`: in its place.
 */
const hostWith = (t: TestContext, profiles: string, parser?: () => Promise<unknown>) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-apparmor-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'profiles');
  writeFileSync(path, profiles);
  const runs: Run[] = [];
  const compile = ({ argv: [program = '', ...args], stdin = '' }: Run) =>
    new Promise((resolve) => {
      const child = execFile(program, [...args, '--skip-kernel-load'], (error, stdout, stderr) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
      child.stdin?.end(stdin);
    });
  const shim = {
    call: (_: string, run: Run) => {
      runs.push(run);
      return parser === undefined ? compile(run) : parser();
    },
  } as unknown as Pick<Shim, 'call'>;
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line), journal: false });
  const create = (profile?: string, at = path) =>
    createAppArmor({ shim, log, enabled: true, profile, profiles: at });
  return { create, runs, lines };
};

test('the default profile is one that apparmor_parser takes, and is loaded where it is missing', async (t) => {
  const { create, runs, lines } = hostWith(t, 'other (enforce)\nwith blank (complain)\n');
  const answer = await create()();
  assert.equal(answer?.defaultProfile, 'berth-default');
  assert.deepEqual([...(answer?.loaded ?? [])], ['other', 'with blank']);
  assert.deepEqual(runs[0]?.argv, ['apparmor_parser', '--replace', '--skip-cache']);
  assert.match(lines.join(''), /loaded the AppArmor profile/);
});

test('a profile that is loaded already is not loaded again', async (t) => {
  const { create, runs } = hostWith(t, 'berth-default (enforce)\n');
  assert.equal((await create()())?.defaultProfile, 'berth-default');
  assert.deepEqual(runs, []);
});

test('without a parser the default confines nothing, which the log says once', async (t) => {
  const { create, runs, lines } = hostWith(t, '', () => Promise.reject(new Error('no such program')));
  const ask = create();
  assert.equal((await ask())?.defaultProfile, undefined);
  assert.equal((await ask())?.defaultProfile, undefined);
  assert.equal(runs.length, 1);
  assert.match(lines.join(''), /not confined by AppArmor/);
});

test('a shim that is away for a moment does not leave later containers without their profile', async (t) => {
  const answers = [
    () => Promise.reject(new Fail('Unavailable', 'the shim is away')),
    () => Promise.reject(new Fail('Cancelled', 'run was cancelled')),
    () => Promise.resolve({ exitCode: null, timedOut: true, stdout: '', stderr: '' }),
    () => Promise.resolve({ exitCode: 0, timedOut: false, stdout: '', stderr: '' }),
  ];
  const { create, lines } = hostWith(
    t,
    '',
    () => answers.shift()?.() ?? Promise.reject(new Error('asked again')),
  );
  const ask = create();
  await assert.rejects(ask(), { code: 'Unavailable' });
  await assert.rejects(ask(), { code: 'Cancelled' });
  await assert.rejects(ask(), { code: 'DeadlineExceeded' });
  assert.equal((await ask())?.defaultProfile, 'berth-default');
  assert.doesNotMatch(lines.join(''), /not confined/);
});

test('where a container of the host may not read the profiles, the default confines nothing', async (t) => {
  const refused = { exitCode: 1, timedOut: false, stdout: '', stderr: 'Access denied.' };
  const { create } = hostWith(t, '', () => Promise.resolve(refused));
  assert.deepEqual(await create(undefined, '/nowhere/profiles')(), {
    defaultProfile: undefined,
    loaded: new Set(),
  });
});

test('the profile that crio.conf names must be loaded', async (t) => {
  const { create } = hostWith(t, 'mine (enforce)\n');
  assert.equal((await create('mine')())?.defaultProfile, 'mine');
  assert.equal((await create('unconfined')())?.defaultProfile, 'unconfined');
  await assert.rejects(create('none')(), {
    code: 'FailedPrecondition',
    message: 'AppArmor profile none is not loaded on this host',
  });
});
