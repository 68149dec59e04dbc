import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { startBusyboxRegistry } from '../../harness/busybox-image.ts';
import { until } from '../../harness/busybox-node.ts';
import { startNode } from '../../harness/node.ts';

test('SIGHUP takes new registries without a restart, and an unusable file changes nothing', async (t) => {
  const { registry, image, registries } = await startBusyboxRegistry();
  t.after(() => registry.stop());
  const node = await startNode(t, { registries: registries.replace('insecure', 'blocked') });
  const file = join(node.folder, 'registries.conf');
  const reload = async (text: string, said: RegExp) => {
    const before = node.daemon.log().length;
    writeFileSync(file, text);
    process.kill(node.daemon.pid ?? assert.fail('the daemon does not run'), 'SIGHUP');
    await until(`the log says ${said}`, () => said.test(node.daemon.log().slice(before)));
  };
  const pull = () => node.images.pullImage({ image: { image } });
  await assert.rejects(pull(), /blocked/);
  await reload('[[registry', /error the configuration is not usable/);
  await assert.rejects(pull(), /blocked/);
  await reload(registries, /info read the registries/);
  assert.match((await pull()).imageRef, /^sha256:/);
});
