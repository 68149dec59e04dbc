import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLog } from '../../../runtime/observe/log.ts';
import { createNotify } from '../../../runtime/observe/notify.ts';

const silent = { level: 'warn', write: () => {}, journal: false } as const;

test('the service manager gets its notices, one assignment per line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-notify-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'notify');
  const manager = spawn('socat', ['-u', `UNIX-RECV:${path}`, '-'], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => manager.kill());
  for (let tries = 0; tries < 500 && !existsSync(path); tries += 1) await pause(10);
  createNotify(path, createLog(silent))({ READY: 1, STATUS: 'serving CRI on /x' });
  const [text] = await once(manager.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
  assert.equal(String(text), 'READY=1\nSTATUS=serving CRI on /x');
});

test('without a service manager nothing is sent', () => {
  createNotify(undefined, createLog(silent))({ STATUS: 'x' });
  createNotify('', createLog(silent))({ STATUS: 'x' });
});

test('a service manager that is gone is a warning, no failure', () => {
  const lines: string[] = [];
  const log = createLog({ ...silent, write: (line) => lines.push(line) });
  createNotify('/no/such/socket', log)({ STATUS: 'x' });
  assert.match(
    lines.join(''),
    /^warn the service manager takes no notices socket=\/no\/such\/socket .*ENOENT/,
  );
});
