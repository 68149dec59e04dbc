import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { openImageStore } from '../../../runtime/images/store/open.ts';
import { getXattr, setXattr } from '../../../runtime/linux/xattrs.ts';
import { pull, requestFor } from '../../harness/berth-pull.ts';
import { startRegistry, type TestRegistry } from '../../harness/registry.ts';

let registry: TestRegistry;
let folder: string;

/** An image of two layers that umoci makes: the second one changes, adds and removes what the first one has. */
before(async () => {
  registry = await startRegistry();
  folder = mkdtempSync(join(tmpdir(), 'berth-umoci-'));
  const [layout, bundle] = [join(folder, 'layout'), join(folder, 'bundle')];
  const rootfs = join(bundle, 'rootfs');
  const umoci = (...argv: string[]): void => void execFileSync('umoci', argv, { stdio: 'pipe' });
  umoci('init', '--layout', layout);
  umoci('new', '--image', `${layout}:v1`);
  umoci('unpack', '--image', `${layout}:v1`, bundle);
  mkdirSync(join(rootfs, 'etc'));
  for (const name of ['keep', 'change', 'remove']) writeFileSync(join(rootfs, 'etc', name), name);
  mkdirSync(join(rootfs, 'gone/deep'), { recursive: true });
  umoci('repack', '--refresh-bundle', '--image', `${layout}:v1`, bundle);
  writeFileSync(join(rootfs, 'etc/change'), 'changed');
  rmSync(join(rootfs, 'etc/remove'));
  rmSync(join(rootfs, 'gone'), { recursive: true });
  symlinkSync('keep', join(rootfs, 'etc/soft'));
  linkSync(join(rootfs, 'etc/change'), join(rootfs, 'etc/hard'));
  writeFileSync(join(rootfs, 'ping'), 'ping');
  chownSync(join(rootfs, 'ping'), 42, 43);
  chmodSync(join(rootfs, 'ping'), 0o4751);
  setXattr(join(rootfs, 'ping'), 'user.note', Buffer.from('hello'));
  umoci('repack', '--image', `${layout}:v1`, bundle);
  umoci(
    'config',
    '--image',
    `${layout}:v1`,
    '--config.user',
    '42:43',
    '--config.env',
    'A=b',
    '--config.cmd',
    '/ping',
  );
});
after(async () => {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const FORMATS: readonly (readonly [string, readonly string[]])[] = [
  ['OCI', ['--format', 'oci']],
  ['Docker schema 2', ['--format', 'v2s2']],
  ['OCI with zstd', ['--format', 'oci', '--dest-compress-format', 'zstd', '--dest-compress-level', '3']],
];

for (const [name, flags] of FORMATS) {
  test(`an image that umoci made and skopeo pushed as ${name} is what it was, seen through overlayfs`, async (context) => {
    const repository = name.toLowerCase().replaceAll(' ', '-');
    const target = `docker://${registry.host}/${repository}:v1`;
    const copy = [
      'copy',
      '--insecure-policy',
      '--dest-tls-verify=false',
      ...flags,
      `oci:${join(folder, 'layout')}:v1`,
      target,
    ];
    execFileSync('skopeo', copy, { stdio: 'pipe' });

    const root = join(folder, `store-${repository}`);
    const store = await openImageStore({ root });
    const image = await store.record(await pull(requestFor(root, registry.host, repository, 'v1')));
    assert.deepEqual(
      [image.config.config?.User, image.config.config?.Cmd, image.config.config?.Env],
      ['42:43', ['/ping'], ['A=b']],
    );

    const merged = join(folder, `merged-${repository}`);
    mkdirSync(merged);
    execFileSync('mount', [
      '-t',
      'overlay',
      'overlay',
      '-o',
      `lowerdir=${store.lowerDirs(image).join(':')}`,
      merged,
    ]);
    context.after(() => execFileSync('umount', [merged]));

    const names = execFileSync('find', ['.', '-mindepth', '1'], { cwd: merged, encoding: 'utf8' })
      .trim()
      .split('\n')
      .sort();
    assert.deepEqual(names, ['./etc', './etc/change', './etc/hard', './etc/keep', './etc/soft', './ping']);
    assert.equal(readFileSync(join(merged, 'etc/hard'), 'utf8'), 'changed');
    assert.equal(readFileSync(join(merged, 'etc/soft'), 'utf8'), 'keep');
    const ping = lstatSync(join(merged, 'ping'));
    assert.deepEqual([ping.uid, ping.gid, ping.mode & 0o7777], [42, 43, 0o4751]);
    assert.equal(getXattr(join(merged, 'ping'), 'user.note')?.toString(), 'hello');
  });
}
