import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import { createLog, type Level } from '../../../runtime/observe/log.ts';

const logging = (level: Level, journal = false) => {
  const lines: string[] = [];
  return { lines, log: createLog({ level, write: (line) => lines.push(line), journal }) };
};

test('a line is the level, the message and its fields, and always one line', () => {
  const { lines, log } = logging('info');
  log
    .with({ rpc: 'Version' })
    .info('pod up', { pod: 'ab12', ms: 43, name: 'a b', evil: 'x\ny=1', none: undefined });
  assert.deepEqual(lines, ['info pod up rpc=Version pod=ab12 ms=43 name="a b" evil="x\\ny=1"\n']);
});

test('lines below the level are not written', () => {
  const { lines, log } = logging('warn');
  log.debug('no');
  log.info('no');
  log.warn('yes');
  log.error('yes');
  assert.equal(lines.length, 2);
});

test('the journal gets priorities', () => {
  const { lines, log } = logging('debug', true);
  log.error('bad');
  log.debug('chatter');
  assert.deepEqual(lines, ['<3>error bad\n', '<7>debug chatter\n']);
});

test('a fault of the program is told with its place in it, and one of the input without', () => {
  const { lines, log } = logging('info');
  const cause = new SyntaxError('no JSON');
  log.error('failed', { error: new Fail('InvalidArgument', '/etc/x:1:2: no JSON', { cause }) });
  assert.deepEqual(lines, [
    'error failed error="/etc/x:1:2: no JSON" code=InvalidArgument cause="no JSON"\n',
  ]);
  log.error('failed', { error: new Fail('Internal', 'a fault', { cause }) });
  assert.match(lines[1] ?? '', /log\.test\.ts/);
});

test('a failure tells its code, remedy, context and cause', () => {
  const { lines, log } = logging('info');
  const cause = new Fail('NotFound', 'no file', { context: { path: '/x' } });
  log.error('failed', { error: new Fail('Internal', 'no luck', { hint: 'try again', cause }) });
  assert.deepEqual(lines, [
    'error failed error="no luck" code=Internal hint="try again" cause="no file" code=NotFound path=/x\n',
  ]);
});
