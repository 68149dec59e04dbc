import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
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

  readonly #maxBytes: number | undefined;

  constructor(maxBytes?: number) {
    this.#maxBytes = maxBytes;
    makeFifo(join(this.folder, 'pipe'));
    this.#pipe = openSync(join(this.folder, 'pipe'), constants.O_RDWR | constants.O_NONBLOCK);
    this.log = this.open();
  }

  open(): OutputLog {
    const log = createLog({ level: 'fatal', write: () => {}, journal: false });
    this.log = new OutputLog({ folder: this.folder, logPath: this.path, maxBytes: this.#maxBytes, log });
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

function pipeline(work: (pipeline: Pipeline) => void, maxBytes?: number): void {
  const made = new Pipeline(maxBytes);
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

test('what is no file is no log: a FIFO that a pod put there would hold up the whole shim', () =>
  pipeline((pipe) => {
    pipe.print('before\n');
    renameSync(pipe.path, `${pipe.path}.1`);
    makeFifo(pipe.path);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const open = descriptors();
    assert.throws(() => pipe.log.reopen(), {
      code: 'FailedPrecondition',
      message: /log_path: it is no file/,
    });
    assert.equal(descriptors(), open);
    rmSync(pipe.path);
    pipe.log.reopen();
    pipe.print('after\n');
    assert.deepEqual(pipe.lines(), ['after']);
  }));

test('a log with a limit starts anew before it would pass it, and readers of the old one keep that', () =>
  pipeline((pipe) => {
    const old = openSync(pipe.path, constants.O_RDONLY);
    const sizes: number[] = [];
    for (let number = 0; number < 2000; number += 1) {
      pipe.print(`${number}\n`.repeat(1 + (number % 7)));
      sizes.push(statSync(pipe.path).size);
    }
    assert.ok(Math.max(...sizes) <= 8192 && Math.max(...sizes) > 8000, String(Math.max(...sizes)));
    const numbers = pipe.lines().map(Number);
    assert.equal(numbers.at(-1), 1999);
    assert.deepEqual(
      numbers,
      numbers.toSorted((one, other) => one - other),
    );
    const kept = readFileSync(old, 'latin1').trimEnd().split('\n');
    assert.ok(kept.length > 150 && kept[0]?.endsWith(' F 0'));
    closeSync(old);
  }, 8192));

test('with a limit no line is lost that has room, and one that has none is there alone', () =>
  pipeline((pipe) => {
    const texts: string[] = [];
    let inode = statSync(pipe.path).ino;
    const follow = (): void => {
      if (statSync(pipe.path).ino === inode) return;
      inode = statSync(pipe.path).ino;
      texts.length = 0;
    };
    for (const text of ['a'.repeat(3000), 'b'.repeat(12_000), 'c'.repeat(100), 'd'.repeat(8050), 'e']) {
      pipe.print(`${text}\n`);
      follow();
      texts.push(text);
      assert.deepEqual(pipe.lines(), texts);
    }
    assert.deepEqual(texts, ['d'.repeat(8050), 'e']);
  }, 8192));

test('much output at once passes through a log with a limit, and its end is there', () =>
  pipeline((pipe) => {
    const line = (number: number) => `${String(number).padStart(9, '0')}\n`;
    for (let from = 0; from < 60_000; from += 6000)
      pipe.print(Array.from({ length: 6000 }, (_, index) => line(from + index)).join(''));
    assert.ok(statSync(pipe.path).size <= 20_000);
    const numbers = pipe.lines().map(Number);
    assert.equal(numbers.at(-1), 59_999);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => 60_000 - numbers.length + index),
    );
  }, 20_000));

test('a shim that is killed while its log starts anew loses and doubles nothing', () =>
  pipeline((pipe) => {
    for (let number = 0; number < 100; number += 1) pipe.print(`${number}\n`);
    const before = pipe.position();
    for (let number = 100; number < 250; number += 1) pipe.print(`${number}\n`);
    const there = pipe.lines();
    pipe.log.close();
    pipe.rewindJournal({
      ...(pipe.position() ?? assert.fail()),
      inode: before?.inode ?? 0,
      size: before?.size ?? 0,
    });
    pipe.open();
    pipe.print('250\n');
    assert.deepEqual(pipe.lines(), [...there, '250']);
  }, 8192));
