import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { applyEdits, resolveEdits } from '../../../../runtime/oci/cdi/apply-edits.ts';
import { findDevices, requestedDevices } from '../../../../runtime/oci/cdi/find-devices.ts';
import { ContainerConfigSchema } from '../../../../runtime/spec/cri/api_pb.js';
import type { OciSpec } from '../../../../runtime/spec/oci/runtime.ts';

/** Two folders, as /etc/cdi and /var/run/cdi are, with these files. */
const foldersWith = (t: TestContext, files: Readonly<Record<string, unknown>>): readonly string[] => {
  const root = mkdtempSync(join(tmpdir(), 'berth-cdi-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const name of ['etc', 'run']) mkdirSync(join(root, name));
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(root, name), typeof content === 'string' ? content : JSON.stringify(content));
  return [join(root, 'etc'), join(root, 'run'), join(root, 'none')];
};

const document = (changes: object = {}) => ({
  cdiVersion: '0.6.0',
  kind: 'example.com/lamp',
  devices: [{ name: 'one', containerEdits: { env: ['LAMP=one'] } }],
  ...changes,
});

const LAMPS_YAML = `cdiVersion: 0.6.0
kind: example.com/lamp
devices:
  - name: one
    containerEdits:
      env: [LAMP=one]
      deviceNodes:
        - path: /dev/lamp
          hostPath: /dev/null
          permissions: r
  - name: two
    containerEdits:
      env: [LAMP=two]
      mounts:
        - { hostPath: /opt/lamp, containerPath: /lamp, options: [ro, nosuid] }
containerEdits:
  env: [LAMPS=all]
  additionalGids: [0, 44]
  hooks:
    - { hookName: createContainer, path: /usr/bin/lamp-hook, args: [lamp-hook, on], timeout: 5 }
`;

test('devices are asked for by the field and by annotations, each once', () => {
  const config = create(ContainerConfigSchema, {
    CDIDevices: [{ name: 'example.com/lamp=one' }],
    annotations: {
      'cdi.k8s.io/plugin_lamp': 'example.com/lamp=one,example.com/lamp=two',
      'cdi.example.com/other': 'example.com/lamp=three',
    },
  });
  assert.deepEqual(requestedDevices(config), ['example.com/lamp=one', 'example.com/lamp=two']);
});

test('a document’s own edits come once, before those of its first device', async (t) => {
  const folders = foldersWith(t, { 'etc/lamp.yaml': LAMPS_YAML });
  const edits = await findDevices(['example.com/lamp=two', 'example.com/lamp=one'], folders);
  assert.deepEqual(edits.env, ['LAMPS=all', 'LAMP=two', 'LAMP=one']);
  assert.deepEqual(edits.additionalGids, [0, 44]);
  assert.equal(edits.hooks.length, 1);
  assert.deepEqual((await findDevices([], folders)).env, []);
});

test('the later folder goes before the earlier, and what cannot be read there does not matter', async (t) => {
  const folders = foldersWith(t, {
    'etc/a.json': document(),
    'etc/broken.json': '{',
    'etc/readme.txt': 'no document',
    'run/b.json': document({ devices: [{ name: 'one', containerEdits: { env: ['LAMP=run'] } }] }),
  });
  assert.deepEqual((await findDevices(['example.com/lamp=one'], folders)).env, ['LAMP=run']);
});

test('the edits become the OCI runtime’s', async (t) => {
  const folders = foldersWith(t, { 'etc/lamp.yaml': LAMPS_YAML });
  const names = ['example.com/lamp=one', 'example.com/lamp=two'];
  const spec: OciSpec = {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0, additionalGids: [7] },
      args: ['x'],
      env: ['PATH=/bin', 'LAMP=dark'],
      cwd: '/',
    },
    root: { path: '/' },
    mounts: [],
    linux: { namespaces: [], resources: { devices: [{ allow: false, access: 'rwm' }] } },
  };
  const edited = applyEdits(spec, await resolveEdits(await findDevices(names, folders)));
  assert.deepEqual(edited.process.env, ['PATH=/bin', 'LAMPS=all', 'LAMP=one', 'LAMP=two']);
  assert.deepEqual(edited.process.user.additionalGids, [7, 44]);
  assert.deepEqual(edited.mounts, [
    { destination: '/lamp', type: 'bind', source: '/opt/lamp', options: ['rbind', 'ro', 'nosuid'] },
  ]);
  const { fileMode, ...node } = edited.linux.devices?.[0] ?? assert.fail('no device');
  assert.deepEqual(node, { path: '/dev/lamp', type: 'c', major: 1, minor: 3, uid: 0, gid: 0 });
  assert.equal(fileMode, 0o666);
  assert.deepEqual(edited.linux.resources?.devices, [
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 1, minor: 3, access: 'r' },
  ]);
  assert.deepEqual(edited.hooks, {
    createContainer: [{ path: '/usr/bin/lamp-hook', args: ['lamp-hook', 'on'], env: [], timeout: 5 }],
  });
});

const REFUSED: readonly (readonly [string, string, Readonly<Record<string, unknown>>, string, RegExp])[] = [
  ['no name of a device', 'lamp', {}, 'InvalidArgument', /"lamp" is not a device's name/],
  ['a name that climbs', 'example.com/../x=y', {}, 'InvalidArgument', /is not a device's name/],
  [
    'a device that no file has',
    'example.com/lamp=two',
    { 'etc/a.json': document() },
    'NotFound',
    /is in no file of/,
  ],
  [
    'a device of two files of one folder',
    'example.com/lamp=one',
    { 'etc/a.json': document(), 'etc/b.json': document() },
    'FailedPrecondition',
    /is both in .*a\.json and in .*b\.json/,
  ],
  [
    'a file that is no JSON',
    'example.com/lamp=one',
    { 'etc/a.json': '{' },
    'FailedPrecondition',
    /a\.json cannot be read/,
  ],
  [
    'a file that is no YAML',
    'example.com/lamp=one',
    { 'etc/a.yaml': 'a: [' },
    'FailedPrecondition',
    /a\.yaml cannot be read/,
  ],
  [
    'a version that is not known',
    'example.com/lamp=one',
    { 'etc/a.json': document({ cdiVersion: '2.0.0' }) },
    'FailedPrecondition',
    /a\.json: cdiVersion 2\.0\.0 is not known/,
  ],
  [
    'an edit that nobody does',
    'example.com/lamp=one',
    { 'etc/a.json': document({ containerEdits: { netDevices: [] } }) },
    'FailedPrecondition',
    /a\.json: containerEdits\.netDevices is not supported/,
  ],
  [
    'a relative path',
    'example.com/lamp=one',
    {
      'etc/a.json': document({
        devices: [{ name: 'one', containerEdits: { deviceNodes: [{ path: 'x' }] } }],
      }),
    },
    'FailedPrecondition',
    /devices\[0\]\.containerEdits\.deviceNodes\[0\]\.path is not an absolute path/,
  ],
  [
    'a hook of no stage',
    'example.com/lamp=one',
    { 'etc/a.json': document({ containerEdits: { hooks: [{ hookName: 'never', path: '/x' }] } }) },
    'FailedPrecondition',
    /hooks\[0\]\.hookName never is none of prestart/,
  ],
];
for (const [what, name, files, code, message] of REFUSED) {
  test(`${what} is refused`, async (t) => {
    await assert.rejects(findDevices([name], foldersWith(t, files)), { code, message });
  });
}

test('a device node that the host has not is named', async (t) => {
  const nodes = [{ path: '/dev/berth-none' }];
  const folders = foldersWith(t, { 'etc/a.json': document({ containerEdits: { deviceNodes: nodes } }) });
  await assert.rejects(resolveEdits(await findDevices(['example.com/lamp=one'], folders)), {
    code: 'NotFound',
    message: /\/dev\/berth-none does not exist on the host/,
  });
});
