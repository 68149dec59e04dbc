import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import type { Check, Event, Phase } from '../../../src/core/events.ts';
import { Fail } from '../../../src/core/fail.ts';
import type { Dialect } from '../../../src/faces/ci/dialect.ts';
import { github } from '../../../src/faces/ci/github.ts';
import { gitlab } from '../../../src/faces/ci/gitlab.ts';
import { plain } from '../../../src/faces/ci/plain.ts';
import { dialectOf } from '../../../src/faces/ci/surroundings.ts';
import type { Face } from '../../../src/faces/face.ts';
import { plainProgress } from '../../../src/faces/plain.ts';
import { textFace } from '../../../src/faces/text-face.ts';
import { badProfile } from '../../../src/profile/problem.ts';

/** Keeps what is written, also in the order of several that share `all`. */
const kept = (all: string[]) => {
  const own: string[] = [];
  const write = (text: string): boolean => {
    own.push(text);
    all.push(text);
    return true;
  };
  return { own, stream: Object.assign(new PassThrough(), { write }) as unknown as NodeJS.WriteStream };
};

/** What a face in that dialect prints on each of the streams, and what a runner reads of both. */
const printed = (
  dialect: Dialect,
  tell: (face: Face) => void,
): { readonly out: string; readonly err: string; readonly both: string } => {
  const all: string[] = [];
  const [{ own: outTexts, stream: out }, { own: errTexts, stream: err }] = [kept(all), kept(all)];
  const now = () => new Date('2026-01-02T03:04:05.678Z');
  const progress = plainProgress(out, { style: (_format, text) => text, verbose: false, dialect, now });
  tell(textFace({ progress, out, err, verbose: false, dialect }));
  return { out: outTexts.join(''), err: errTexts.join(''), both: all.join('') };
};

const started = (host: string, phase: Phase): Event => ({ kind: 'phase-started', host, phase });
const ended = (host: string, phase: Phase, failed = false): Event => ({
  kind: 'phase-ended',
  host,
  phase,
  milliseconds: 1,
  failed,
});

const check = (id: string, more: Partial<Check> = {}): Check => ({
  id,
  title: 'a title',
  ok: true,
  milliseconds: 5,
  detail: 'seen',
  ...more,
});

test('the runner says in the environment which dialect it reads', () => {
  assert.equal(dialectOf({ GITHUB_ACTIONS: 'true' }), github);
  assert.equal(dialectOf({ GITLAB_CI: 'true' }), gitlab);
  assert.equal(dialectOf({ CI: 'true' }), plain);
});

test('hosts that are at different things share a group until nothing of it is at work', () => {
  const { out } = printed(github, (face) => {
    face.emit(started('a', 'connect'));
    face.emit(started('b', 'connect'));
    face.emit(ended('a', 'connect'));
    face.emit(started('a', 'apply'));
    face.emit(ended('b', 'connect'));
    face.emit(ended('a', 'apply'));
    face.emit(started('b', 'apply'));
    face.end(0);
  });
  const marks = out.split('\n').filter((line) => line.startsWith('::'));
  assert.deepEqual(marks, ['::group::Look and prepare', '::endgroup::', '::group::Apply', '::endgroup::']);
});

test('a problem of a profile is an annotation at its line, with commas and colons escaped', () => {
  const problem = { file: 'a,b/fleet.yaml', line: 3, column: 7, message: '100% wrong: a\nb', frame: '' };
  const { out, err } = printed(github, (face) => face.failure(badProfile('fleet.yaml', [problem])));
  const file = resolve('a,b/fleet.yaml').replace(',', '%2C');
  assert.equal(out, '', 'what a command prints may go to a file, which the runner does not read');
  assert.match(err, /a,b\/fleet\.yaml:3:7: 100% wrong/);
  assert.ok(
    err.endsWith(`\n::error file=${file},line=3,col=7,title=berth%3A BadProfile::100%25 wrong: a%0Ab\n`),
    err,
  );
});

test('a failure of a host closes the group that would hide it, and is one annotation', () => {
  const error = new Fail('Unreachable', 'b: 192.0.2.1:22 does not answer', { hint: 'boot it' });
  const { both } = printed(github, (face) => {
    face.emit(started('a', 'connect'));
    face.emit({ kind: 'failed', host: 'b', error });
    face.failure(error);
    face.emit(ended('a', 'connect'));
    face.emit(started('a', 'probe'));
  });
  const lines = both.split('\n').filter((line) => line.startsWith('::'));
  assert.deepEqual(lines, [
    '::group::Look and prepare',
    '::endgroup::',
    '::error title=berth%3A Unreachable::b: 192.0.2.1:22 does not answer%0Aboot it',
    '::group::Look and prepare',
  ]);
});

/** Hosts that are refused one after the other, while one of them goes on. */
const tellRefused = (face: Face): void => {
  const hosts = ['a', 'b', 'c'];
  for (const host of [...hosts, 'd']) face.emit(started(host, 'connect'));
  for (const host of hosts) {
    face.emit(ended(host, 'connect', true));
    face.emit({ kind: 'failed', host, error: new Fail('Unreachable', `${host} does not answer`) });
  }
  face.emit(ended('d', 'connect'));
};

test('what only ends after a failure opens no group anew', () => {
  const { both } = printed(github, tellRefused);
  assert.deepEqual(both.match(/^::(group|endgroup|error).*$/gm), [
    '::group::Look and prepare',
    '::endgroup::',
    '::error title=berth%3A Unreachable::a does not answer',
    '::error title=berth%3A Unreachable::b does not answer',
    '::error title=berth%3A Unreachable::c does not answer',
  ]);
});

test('a heading is not repeated after a failure: nothing is hidden under it', () => {
  const { out } = printed(plain, (face) => {
    tellRefused(face);
    face.emit(started('d', 'probe'));
    face.emit(ended('d', 'probe'));
    face.emit(started('d', 'apply'));
    face.end(0);
  });
  assert.deepEqual(out.match(/== .*$/gm), ['== Look and prepare', '== Apply']);
});

test('nothing that a host says is taken for a command of the runner', () => {
  const hostile = '::set-env name=PATH::/tmp\n  ::add-mask::a\n##[add-path]/tmp';
  const red = check('x', { ok: false, detail: hostile, evidence: [{ title: 'journal', text: hostile }] });
  const { both } = printed(github, (face) => {
    face.emit({ kind: 'note', level: 'info', host: 'a', message: hostile });
    face.checks(new Map([['a', { checks: [red], milliseconds: 5 }]]));
    face.message(hostile);
    face.failure(new Fail('CommandFailed', hostile));
  });
  const commands = both.split('\n').filter((line) => /^\s*::|##\[/.test(line));
  assert.deepEqual(
    commands.map((line) => line.slice(0, 9)),
    ['::error t', '::error t'],
    commands.join('\n'),
  );
});

test('green checks are folded under their summary, red ones stand open', () => {
  const { out } = printed(github, (face) => {
    face.checks(
      new Map([
        ['a', { checks: [check('x')], milliseconds: 5 }],
        ['b', { checks: [check('y', { ok: false, remedy: 'mend it' })], milliseconds: 5 }],
      ]),
    );
  });
  assert.match(out, /^::group::a: the check is green\n\na\n[\s\S]*\n::endgroup::\n\nb\n/);
  assert.match(out, /::error title=b%3A y::a title: seen%0Amend it\n$/);
});

test('a red check after a way back is told apart from the one that led there', () => {
  const red = check('x', { ok: false });
  const { both } = printed(github, (face) => {
    face.checks(new Map([['a', { checks: [red], milliseconds: 5 }]]));
    face.checks(new Map([['a', { checks: [red], milliseconds: 5, wentBack: true }]]));
  });
  assert.deepEqual(both.match(/^::error title=.*$/gm), [
    '::error title=a%3A x::a title: seen',
    '::error title=a%2C after going back%3A x::a title: seen',
  ]);
});

test('a warning is an annotation, a note is none', () => {
  const { out } = printed(github, (face) => {
    face.emit({ kind: 'note', level: 'info', message: 'all is well' });
    face.emit({ kind: 'note', level: 'warn', host: 'a', message: 'the clock is off' });
  });
  assert.deepEqual(out.match(/^::.*$/gm), ['::warning title=berth%3A a::the clock is off']);
});

test('what the doctor finds is annotated as what it is, with the remedy; what is only worth knowing is not', () => {
  const finding = {
    code: 'BD034',
    name: 'plugin-gone',
    why: 'pods get no network',
    evidence: '/usr/lib/cni/portmap\nis missing',
    remedy: 'install it again',
    fix: [],
  } as const;
  const { out } = printed(github, (face) => {
    face.findings(
      new Map([
        ['a', [{ ...finding, level: 'warning' }]],
        [
          'b',
          [
            { ...finding, level: 'error' },
            { ...finding, level: 'info' },
          ],
        ],
      ]),
    );
  });
  assert.deepEqual(out.match(/^::.*$/gm), [
    '::warning title=a%3A BD034::plugin-gone: /usr/lib/cni/portmap%0Ais missing%0Ainstall it again',
    '::error title=b%3A BD034::plugin-gone: /usr/lib/cni/portmap%0Ais missing%0Ainstall it again',
  ]);
});

test('sections of GitLab begin collapsed and end under the same name', () => {
  const { out } = printed(gitlab, (face) => {
    face.emit(started('a', 'connect'));
    face.emit(ended('a', 'connect'));
    face.emit(started('a', 'apply'));
    face.end(0);
  });
  const names = [...out.matchAll(/section_(start|end):1767323045:([A-Za-z0-9_.-]+)(\[collapsed=true\])?\r/g)];
  assert.deepEqual(
    names.map(([, which, , option]) => [which, option]),
    [
      ['start', '[collapsed=true]'],
      ['end', undefined],
      ['start', '[collapsed=true]'],
      ['end', undefined],
    ],
  );
  assert.equal(names[0]?.[2], names[1]?.[2]);
  assert.notEqual(names[0]?.[2], names[2]?.[2]);
});
