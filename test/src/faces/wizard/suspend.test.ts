import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { blankProfile } from '../../../../src/faces/wizard/blank-profile.ts';
import { runWizard } from '../../../../src/faces/wizard/wizard.ts';

/** The wizard on streams that are a terminal to it. Signals to this process are counted, and not sent. */
const sitting = (t: TestContext) => {
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: () => input,
    ref: () => input,
    unref: () => input,
  });
  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  out.resume();
  const sent: unknown[] = [];
  t.mock.method(process, 'kill', (_pid: number, signal: unknown) => sent.push(signal));
  const controller = new AbortController();
  const ended = runWizard({
    sources: blankProfile('berth.yaml'),
    isNew: true,
    errands: { run: () => assert.fail('nothing was asked of the world') },
    out: out as unknown as NodeJS.WriteStream,
    input: input as unknown as NodeJS.ReadStream,
    signal: controller.signal,
  });
  const waiting = (): number => process.listenerCount('SIGCONT');
  const until = async (isSo: () => boolean): Promise<void> => {
    for (const from = Date.now(); !isSo(); await pause(10))
      if (Date.now() - from > 10_000) assert.fail('it does not come to that');
  };
  const type = async (text: string): Promise<void> => {
    await until(() => input.listenerCount('readable') > 0);
    input.write(text);
  };
  return { out, sent, controller, ended, waiting, until, type };
};

const suspendKey = '\u001a';

test('a wizard that is ended while it gives the terminal back is not suspended after its end', async (t) => {
  const { out, sent, controller, ended, waiting, type } = sitting(t);
  // The terminal is being given back as soon as its first screen is.
  out.on('data', (text) => String(text).includes('\u001b[?1049l') && controller.abort());
  await type(suspendKey);
  await ended;
  await pause(100);
  assert.deepEqual(sent, []);
  assert.equal(waiting(), 0);
});
