import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Recording } from './recorder.ts';

const checkout = resolve(import.meta.dirname, '../..');
const patience = 600;

/** From nothing: the host is taken away before and after. */
export const quickstart: Recording = {
  name: 'quickstart',
  title: 'npm run quickstart: a throw-away host, from nothing to proven',
  columns: 100,
  rows: 30,
  async prepare() {
    execFileSync(join(checkout, 'src/cli/berth'), ['quickstart', '--remove', '--ci']);
    return checkout;
  },
  async play({ terminal, types }) {
    await types('berth quickstart');
    await terminal.shows(/▸ prepare[\s\S]*\d of \d steps/, patience);
    await terminal.shows(/Next:[\s\S]*\$$/, patience);
    await types('clear; berth quickstart --remove');
    await terminal.shows(/The quick start is gone[\s\S]*\$$/, patience);
  },
};
