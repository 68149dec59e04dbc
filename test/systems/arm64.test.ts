import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { berth } from '../e2e/berth.ts';

/** Debian's C and C++ libraries for arm64, which lie beside this machine's own. */
const libraries = '/usr/aarch64-linux-gnu';

const callsLibc = `const library = { exports: {} };
process.dlopen(library, process.argv[2]);
const getpid = library.exports.load('libc.so.6').func('int getpid()');
console.log(process.arch, getpid() === process.pid);
`;

/** An emulated process only: QEMU knows no subreapers, which berth-shim must be one of. */
test('the engine, the programs and the bridge to the C library of the arm64 release run on that processor', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-arm64-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const built = await berth('build-release', '--arch', 'arm64', '--out', folder);
  assert.equal(built.exitCode, 0, built.output);
  const [name = ''] = readdirSync(folder);
  const release = join(folder, name);
  const emulated = (...args: string[]) =>
    spawnSync('qemu-aarch64-static', ['-L', libraries, join(release, 'node'), ...args], {
      encoding: 'utf8',
      input: '',
    });

  assert.equal(emulated('--version').stdout, `${process.version}\n`);
  const daemon = emulated(join(release, 'berthd.mjs'), '--version');
  assert.match(daemon.stdout, /^berthd \d+\.\d+\.\d+/, daemon.stderr);
  const pull = emulated(join(release, 'berth-pull.mjs'));
  assert.match(pull.stdout, /no request line came on standard input/, pull.stderr);
  const script = join(folder, 'calls-libc.cjs');
  writeFileSync(script, callsLibc);
  const calls = emulated(script, join(release, 'koffi.node'));
  assert.equal(calls.stdout, 'arm64 true\n', calls.stderr);
});
