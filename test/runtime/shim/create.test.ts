import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { childrenOfSelf } from '../../../runtime/linux/processes.ts';
import { createLog } from '../../../runtime/observe/log.ts';
import { createContainer } from '../../../runtime/shim/server/containers/create.ts';
import { Folders } from '../../../runtime/shim/server/containers/folders.ts';
import type { Holder } from '../../../runtime/shim/server/holder/holder.ts';
import type { Shim } from '../../../runtime/shim/server/shim.ts';
import { Lab } from './lab.ts';

/** As one whose queue is full. */
const fullHolder: Holder = {
  keep: () => {
    throw new Error('sendmsg: EAGAIN');
  },
  drop: () => undefined,
  take: () => undefined,
  forgetRest: () => undefined,
  close: () => undefined,
};

test('a container whose descriptors nobody can keep is not made, and its runtime is gone when that is told', async (t) => {
  const lab = new Lab();
  t.after(() => lab.dispose());
  const folders = new Folders(lab.runRoot);
  folders.make();
  const said: string[] = [];
  const shim: Shim = {
    folders,
    holder: fullHolder,
    log: createLog({ level: 'debug', write: (line) => said.push(line), journal: false }),
    onExit: () => assert.fail('nothing ran'),
    containers: new Map(),
    creating: new Map(),
    takeEvents: () => assert.fail('no task was asked for'),
  };
  const params = lab.bundle({ script: 'sleep 1000' });
  await assert.rejects(createContainer(shim, params), /EAGAIN/);
  assert.deepEqual(childrenOfSelf(), []);
  const states = join(lab.runRoot, 'runc');
  assert.deepEqual(existsSync(states) ? readdirSync(states) : [], []);
  assert.deepEqual(readdirSync(folders.containers), []);
  assert.deepEqual(said, []);
});
