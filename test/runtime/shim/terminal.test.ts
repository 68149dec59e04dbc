import assert from 'node:assert/strict';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { makeFifo } from '../../../runtime/linux/nodes.ts';
import { Terminal } from '../../../runtime/shim/server/containers/terminal.ts';

test('a terminal that is closed touches no descriptor, which may be another’s by now', () => {
  const folder = mkdtempSync('/dev/shm/berth-terminal-');
  const fifo = join(folder, 'stdout');
  makeFifo(fifo);
  const terminal = new Terminal(openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY), fifo);
  try {
    const input = terminal.openInput();
    assert.ok(input !== undefined);
    closeSync(input);
    terminal.close();
    terminal.resize({ width: 80, height: 24 });
    assert.equal(terminal.openInput(), undefined);
  } finally {
    terminal.close();
    rmSync(folder, { recursive: true });
  }
});
