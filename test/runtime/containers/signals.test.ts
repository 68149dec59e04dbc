import assert from 'node:assert/strict';
import test from 'node:test';
import { criSignal, stopSignal } from '../../../runtime/containers/signals.ts';
import { Signal } from '../../../runtime/spec/cri/api_pb.js';

test('the stop signal comes from the request, else from the image, else it is SIGTERM', () => {
  assert.equal(stopSignal(Signal.SIGUSR1, 'SIGQUIT'), 10);
  assert.equal(stopSignal(Signal.RUNTIME_DEFAULT, 'SIGQUIT'), 3);
  assert.equal(stopSignal(Signal.RUNTIME_DEFAULT, ''), 15);
  assert.equal(stopSignal(Signal.RUNTIME_DEFAULT, undefined), 15);
});

test('images name signals in several ways', () => {
  const numberOf = (text: string) => stopSignal(Signal.RUNTIME_DEFAULT, text);
  assert.deepEqual(
    ['SIGTERM', 'term', '15', 'SIGRTMIN+3', 'SIGRTMAX-14', 'RTMIN'].map(numberOf),
    [15, 15, 15, 37, 50, 34],
  );
});

test('a signal that does not exist is refused', () => {
  for (const text of ['SIGNONE', '0', '65', '-9', 'SIGRTMIN+40', '15 ', 'SIGTERM\n'])
    assert.throws(() => stopSignal(Signal.RUNTIME_DEFAULT, text), { code: 'InvalidArgument' }, text);
});

test('every signal that CRI knows has a number, and the status tells it back', () => {
  const names = Object.keys(Signal).filter((key) => Number.isNaN(Number(key)) && key !== 'RUNTIME_DEFAULT');
  for (const name of names) {
    const number = stopSignal(Signal[name as keyof typeof Signal], undefined);
    assert.equal(stopSignal(criSignal(number), undefined), number, name);
  }
});
