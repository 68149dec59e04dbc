import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { listen, parseWord, type Word } from '../../../../src/flows/verify/words.ts';

test('the words of the scripts tell what runs, what is over, and how far a pull is', () => {
  assert.deepEqual(parseWord('at\tredis.pull\tcrictl pull\ta'), {
    kind: 'at',
    id: 'redis.pull',
    command: 'crictl pull\ta',
  });
  assert.deepEqual(parseWord('over\texec.tty'), { kind: 'over', id: 'exec.tty' });
  const said = '{"version":1,"reference":"r","layers":2,"layersDone":1,"bytes":10,"bytesDone":4}';
  assert.deepEqual(parseWord(`pull\tredis.pull\t${said}`), {
    kind: 'pull',
    id: 'redis.pull',
    done: 4,
    total: 10,
  });
  for (const other of ['', 'at', 'at\tx\t', 'over\t', 'pull\tx\t{', 'pull\tx\t{"bytes":1}', 'sh: 1: at: no'])
    assert.equal(parseWord(other), undefined, other);
});

test('words are taken out of the complaints, wherever the stream is cut', async () => {
  const text = 'sh: 3: x: not found\nat\ta\tcrictl ä\nover\ta\nhalf';
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const stream = new PassThrough();
    const words: Word[] = [];
    const complaints = listen(stream, (word) => words.push(word));
    stream.write(bytes.subarray(0, cut));
    stream.end(bytes.subarray(cut));
    await new Promise((resolve) => stream.on('end', resolve));
    assert.deepEqual(words, [
      { kind: 'at', id: 'a', command: 'crictl ä' },
      { kind: 'over', id: 'a' },
    ]);
    assert.equal(complaints(), 'sh: 3: x: not found\nhalf');
  }
});

test('complaints without end are kept by their last lines', async () => {
  const stream = new PassThrough();
  const complaints = listen(stream, () => assert.fail('no word was said'));
  for (let line = 0; line < 5000; line += 1) stream.write(`complaint ${line}\n`);
  stream.end('x'.repeat(100_000));
  await new Promise((resolve) => stream.on('end', resolve));
  assert.ok(complaints().length <= 16_384);
  assert.match(complaints(), /complaint 4999/);
});
