import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { makeFifo } from '../../../runtime/linux/nodes.ts';
import { createLog } from '../../../runtime/observe/log.ts';
import { formatEntries, formatTime, MAX_TEXT_BYTES } from '../../../runtime/shim/server/log/format.ts';
import { LogJournal } from '../../../runtime/shim/server/log/journal.ts';
import { OutputLog } from '../../../runtime/shim/server/log/output-log.ts';
import { linesOf, readEntries } from './lab.ts';

const noon = 1_795_608_000_123_456_789n;

test('the time has nine digits and is UTC', () => {
  assert.equal(formatTime(noon), '2026-11-25T12:00:00.123456789Z');
  assert.equal(formatTime(1n), '1970-01-01T00:00:00.000000001Z');
});

const format = (text: string | Buffer, ended = false) =>
  formatEntries(Buffer.from(text), 'stdout', noon, ended);
const prefix = (tag: string) => `2026-11-25T12:00:00.123456789Z stdout ${tag} `;

test('whole lines become full entries and an unfinished one waits', () => {
  assert.deepEqual(format('a\n\nb'), { entries: `${prefix('F')}a\n${prefix('F')}\n`, consumed: 3 });
});

test('at the end an unfinished line becomes a full entry', () => {
  assert.deepEqual(format('a\nb', true), { entries: `${prefix('F')}a\n${prefix('F')}b\n`, consumed: 3 });
  assert.deepEqual(format('', true), { entries: '', consumed: 0 });
});

test('a line of exactly the longest text stays whole, one byte more is split', () => {
  const longest = 'x'.repeat(MAX_TEXT_BYTES);
  assert.deepEqual(format(`${longest}\n`).entries, `${prefix('F')}${longest}\n`);
  assert.deepEqual(format(`${longest}y\n`).entries, `${prefix('P')}${longest}\n${prefix('F')}y\n`);
  assert.deepEqual(format(`${longest.slice(1)}`), { entries: '', consumed: 0 });
});

test('bytes that are no UTF-8 pass unchanged', () => {
  const bytes = Buffer.from([0xff, 0xc3, 0x28, 0x00, 0x0a]);
  assert.deepEqual(Buffer.from(format(bytes).entries, 'latin1').subarray(prefix('F').length), bytes);
});

/** A pipe into an OutputLog that can be dropped and opened again, as by a shim that was killed. */
class Pipeline {
  readonly folder = mkdtempSync('/dev/shm/berth-log-');
  readonly path = join(this.folder, '0.log');
  readonly #pipe: number;
  log: OutputLog;

  constructor() {
    makeFifo(join(this.folder, 'pipe'));
    this.#pipe = openSync(join(this.folder, 'pipe'), constants.O_RDWR | constants.O_NONBLOCK);
    this.log = this.open();
  }

  open(): OutputLog {
    const log = createLog({ level: 'fatal', write: () => {}, journal: false });
    this.log = new OutputLog({ folder: this.folder, logPath: this.path, log });
    return this.log;
  }

  print(text: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    writeSync(this.#pipe, text);
    this.log.receive(stream, this.#pipe);
    this.log.commit(stream);
  }

  /** What the journal said before the last writes: the shim was killed before it noted them. */
  rewindJournal(position: ReturnType<LogJournal['read']>): void {
    const journal = new LogJournal(join(this.folder, 'log.journal'));
    assert.ok(position);
    journal.write(position);
    closeSync(journal.fd);
  }

  position(): ReturnType<LogJournal['read']> {
    const journal = new LogJournal(join(this.folder, 'log.journal'));
    try {
      return journal.read();
    } finally {
      closeSync(journal.fd);
    }
  }

  lines(stream = 'stdout', ...paths: string[]): readonly string[] {
    return linesOf(readEntries(...(paths.length === 0 ? [this.path] : paths)), stream);
  }

  dispose(): void {
    this.log.close();
    closeSync(this.#pipe);
    rmSync(this.folder, { recursive: true });
  }
}

function pipeline(work: (pipeline: Pipeline) => void): void {
  const made = new Pipeline();
  try {
    work(made);
  } finally {
    made.dispose();
  }
}

test('entries that the journal does not know of are not written twice', () =>
  pipeline((pipe) => {
    pipe.print('one\n');
    const before = pipe.position();
    pipe.print('two\nthree\nunfini');
    pipe.print('error\n', 'stderr');
    pipe.log.close();
    pipe.rewindJournal(before);
    pipe.open();
    pipe.print('shed\n');
    pipe.print('more\n', 'stderr');
    assert.deepEqual(pipe.lines(), ['one', 'two', 'three', 'unfinished']);
    assert.deepEqual(pipe.lines('stderr'), ['error', 'more']);
  }));

test('an entry that a kill has torn is cut off and written again', () =>
  pipeline((pipe) => {
    pipe.print('one\n');
    const before = pipe.position();
    const size = readFileSync(pipe.path).length;
    pipe.print('two and more\n');
    pipe.log.close();
    pipe.rewindJournal(before);
    truncateSync(pipe.path, size + 45);
    pipe.open();
    assert.deepEqual(pipe.lines(), ['one', 'two and more']);
  }));

test('entries that went to a log before its rotation are found there', () =>
  pipeline((pipe) => {
    pipe.print('one\n');
    const before = pipe.position();
    pipe.print('two\n');
    pipe.log.close();
    pipe.rewindJournal(before);
    renameSync(pipe.path, `${pipe.path}.20261125-120000`);
    pipe.open();
    pipe.print('three\n');
    assert.deepEqual(pipe.lines('stdout', `${pipe.path}.20261125-120000`, pipe.path), [
      'one',
      'two',
      'three',
    ]);
  }));

test('a log that somebody truncated goes on without holes', () =>
  pipeline((pipe) => {
    pipe.print('one\n');
    truncateSync(pipe.path, 0);
    pipe.print('two\n');
    pipe.log.close();
    pipe.open();
    assert.deepEqual(pipe.lines(), ['two']);
  }));

test('a log that somebody appended to keeps that', () =>
  pipeline((pipe) => {
    pipe.print('one\n');
    appendFileSync(pipe.path, '2026-11-25T12:00:00.000000000Z stdout F foreign\n');
    pipe.print('two\n');
    assert.deepEqual(pipe.lines(), ['one', 'foreign', 'two']);
  }));

test('the spool gives its memory back and keeps its offsets', () =>
  pipeline((pipe) => {
    for (let round = 0; round < 100; round += 1) pipe.print(`${'x'.repeat(999)}\n`.repeat(50));
    const { statSync } = process.getBuiltinModule('node:fs');
    const spool = statSync(join(pipe.folder, 'stdout.spool'));
    assert.deepEqual([spool.size, spool.blocks * 512 <= 4096], [5_000_000, true]);
  }));
