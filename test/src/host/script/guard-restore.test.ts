import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../../../src/host/script/guard.sh', import.meta.url));

test('the guard puts back what is kept whole, and nothing that a power cut has emptied', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'berth-guard-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const at = (name: string) => join(root, name);
  for (const folder of ['guard', 'objects', 'generations/000001'])
    await mkdir(at(folder), { recursive: true });
  const records: string[] = [];
  const noted = async (name: string, text: string, kept: string) => {
    const digest = createHash('sha256').update(text).digest('hex');
    await writeFile(at(`objects/${digest}`), kept);
    await writeFile(at(name), 'changed');
    records.push(['file', at(name), 'file', digest, '644', '0:0'].join('\t'));
  };
  await noted('whole', 'it was this', 'it was this');
  await noted('emptied', 'it was that', '');
  await writeFile(at('generations/000001/before'), `${records.join('\n')}\n`);
  await writeFile(at('guard/generation'), `${at('generations/000001')}\n`);
  await writeFile(at('guard/firing'), '');
  await run('sh', [program, root, 'restore']);
  assert.equal(await readFile(at('whole'), 'utf8'), 'it was this');
  assert.equal(await readFile(at('emptied'), 'utf8'), 'changed');
});
