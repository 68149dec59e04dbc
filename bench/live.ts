/*
 * What the live view costs: fifty hosts, each told of several times a second, on a terminal of 120 × 40. The share of a CPU
 * is that of the process less that of the same one without a face. `node bench/live.ts [EVENTS PER SECOND…]`
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Emit, Event } from '../src/core/events.ts';
import { openFace } from '../src/faces/open-face.ts';

const seconds = 10;
const hosts = Array.from({ length: 50 }, (_, index) => `node-${index + 1}`);
const MiB = 1024 * 1024;

interface Cost {
  readonly cpuShare: number;
  readonly bytesPerSecond: number;
}

/** An upload that goes on, beside steps and commands that come and go. */
function* endlessEvents(): Generator<Event> {
  for (const host of hosts) {
    yield { kind: 'phase-started', host, phase: 'apply', total: 5000 };
    yield { kind: 'step-started', host, phase: 'apply', id: 'upload', title: 'upload berth' };
  }
  for (let round = 0; ; round += 1)
    for (const host of hosts) {
      const phase = 'apply';
      const id = `file:/etc/${round}`;
      yield { kind: 'bytes', host, id: 'upload', done: round % 1000, total: 124 * MiB };
      yield { kind: 'step-started', host, phase, id, title: `write /etc/${round}` };
      yield { kind: 'command', host, phase, id, command: `systemctl restart unit-${round}` };
      yield { kind: 'step-ended', host, phase, id, milliseconds: 3, failed: false };
    }
}

const told = async (emit: Emit, perSecond: number): Promise<Cost> => {
  const events = endlessEvents();
  const tell = (): void => {
    const { value } = events.next();
    if (value !== undefined) emit(value);
  };
  // Warm: what a face loads and compiles is paid once.
  for (let count = 0; count < 500; count += 1) tell();
  await pause(2000);
  const before = process.cpuUsage();
  const written = process.stdout.isTTY ? Number(readWritten()) : 0;
  const ticks = seconds * 20;
  const started = performance.now();
  for (let tick = 0; tick < ticks; tick += 1) {
    for (let count = 0; count < perSecond / 20; count += 1) tell();
    await pause(Math.max(0, started + (tick + 1) * 50 - performance.now()));
  }
  const { user, system } = process.cpuUsage(before);
  const wall = (performance.now() - started) / 1000;
  return {
    cpuShare: (user + system) / 1e6 / wall,
    bytesPerSecond: (Number(readWritten()) - written) / wall,
  };
};

/** Bytes that this process has written (proc_pid_io(5), `wchar`). */
const readWritten = (): string => /wchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? '0';

const child = async (mode: string, perSecond: number, file: string): Promise<void> => {
  const face = await openFace({ json: false, ci: false, verbose: false });
  const cost = await told(mode === 'face' ? (event) => face.emit(event) : () => undefined, perSecond);
  writeFileSync(file, JSON.stringify(cost));
  process.exit(0);
};

const measured = async (mode: string, perSecond: number, folder: string): Promise<Cost> => {
  const file = join(folder, `${mode}-${perSecond}`);
  const command = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    fileURLToPath(import.meta.url),
    ...['child', mode, String(perSecond), file],
  ].join(' ');
  await promisify(execFile)('script', ['-qec', `stty rows 40 cols 120; ${command}`, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', CI: undefined, XDG_STATE_HOME: folder },
    maxBuffer: 1 << 30,
  });
  return JSON.parse(readFileSync(file, 'utf8'));
};

const parent = async (rates: readonly number[]): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-bench-live-'));
  try {
    for (const rate of rates) {
      const idle = await measured('none', rate, folder);
      const face = await measured('face', rate, folder);
      const percent = ((face.cpuShare - idle.cpuShare) * 100).toFixed(1);
      const written = (face.bytesPerSecond / 1024).toFixed(1);
      process.stdout.write(
        `${String(rate).padStart(6)} events/s  ${percent.padStart(5)} % of a CPU  ${written.padStart(6)} KiB/s to the terminal\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const [first, mode = '', rate = '', file = ''] = process.argv.slice(2);
if (first === 'child') await child(mode, Number(rate), file);
else await parent(process.argv.length > 2 ? process.argv.slice(2).map(Number) : [0, 200, 2000, 10_000]);
