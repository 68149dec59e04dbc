import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
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
  const create = (profile?: string) => createAppArmor({ shim, log, enabled: true, profile, profiles: path });
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

test('the profile that crio.conf names must be loaded', async (t) => {
  const { create } = hostWith(t, 'mine (enforce)\n');
  assert.equal((await create('mine')())?.defaultProfile, 'mine');
  assert.equal((await create('unconfined')())?.defaultProfile, 'unconfined');
  await assert.rejects(create('none')(), {
    code: 'FailedPrecondition',
    message: 'AppArmor profile none is not loaded on this host',
  });
});
