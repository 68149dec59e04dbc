import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('interruptible.ts', import.meta.url));

/** What is left of a command that got `signals` in a phase or outside of any, each as soon as it had told of the one before. */
const interruptedIn = async (
  phase: string,
  t: { after(release: () => void): void },
  ...signals: NodeJS.Signals[]
) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-interrupts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [profile, log, junit] = [join(folder, 'p.yaml'), join(folder, 'log'), join(folder, 'junit.xml')];
  writeFileSync(profile, 'hosts: [{ name: a, local: {} }]\n');
  const child = spawn(process.execPath, [program, profile, log, junit, phase], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const signal = /^at work$|"kind":"note"/.test(line) ? signals.shift() : undefined;
    if (signal !== undefined) child.kill(signal);
  }
  const [exitCode] = await exit;
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as { kind: string; message?: string });
  return {
    exitCode,
    kinds: events.slice(-2).map(({ kind }) => kind),
    notes: events.flatMap(({ kind, message }) => (kind === 'note' ? [message] : [])),
    reported: existsSync(junit),
  };
};

const interrupted = async (t: { after(release: () => void): void }, ...signals: NodeJS.Signals[]) => {
  const { notes: _, ...left } = await interruptedIn('apply', t, ...signals);
  return left;
};

test('what is finished or undone is told where something is at work', async (t) => {
  for (const phase of ['prepare', 'apply', 'verify', 'rollback', 'reset'])
    assert.deepEqual((await interruptedIn(phase, t, 'SIGINT')).notes, [
      'SIGINT: finishing or undoing the step at work; a second one ends berth at once',
    ]);
});

test('where nothing is at work, such as at a question, there is nothing to tell of', async (t) => {
  for (const phase of ['', 'connect', 'probe', 'plan'])
    assert.deepEqual(await interruptedIn(phase, t, 'SIGINT'), {
      exitCode: 130,
      kinds: ['failed', 'ended'],
      notes: [],
      reported: true,
    });
});

test('a terminal that is closed ends a run in order, although its shell hangs up beside the kernel', async (t) => {
  for (const signals of [
    ['SIGHUP', 'SIGHUP'],
    ['SIGTERM', 'SIGHUP'],
  ] as const)
    assert.deepEqual(await interrupted(t, ...signals), {
      exitCode: 130,
      kinds: ['failed', 'ended'],
      reported: true,
    });
});

test('somebody who interrupts once more is not kept waiting', async (t) => {
  for (const signals of [
    ['SIGINT', 'SIGINT'],
    ['SIGHUP', 'SIGTERM'],
  ] as const)
    assert.deepEqual(await interrupted(t, ...signals), {
      exitCode: 130,
      kinds: ['phase-started', 'note'],
      reported: false,
    });
});
