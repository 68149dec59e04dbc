import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { readRegistriesD } from '../../../runtime/config/registries-d.ts';
import { signaturePlaces } from '../../../runtime/images/policy/signature-places.ts';
import { parseReference } from '../../../runtime/images/reference.ts';

const folderWith = (t: TestContext, files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-registries-d-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
};

const placesOf = async (folder: string, image: string, host?: string) => {
  const reference = parseReference(image);
  const source = {
    host: host ?? reference.registry,
    repository: reference.repository,
    insecure: false,
    primary: true,
  };
  return signaturePlaces(await readRegistriesD(folder), source, reference);
};

test('the most specific scope that says something wins, each key by itself', async (t) => {
  const folder = folderWith(t, {
    'default.yaml':
      'default-docker:\n  lookaside: https://default.example/sigs\n  lookaside-staging: file:///x\n',
    'quay.yaml': `docker:
  quay.io: { lookaside: "https://quay.example/sigs" }
  quay.io/team: { use-sigstore-attachments: true }
  "*.corp.example": { sigstore: "https://old.example" }
`,
    'other.txt': 'not: [read',
  });
  assert.deepEqual(await placesOf(folder, 'quay.io/team/app:1'), {
    lookaside: 'https://quay.example/sigs',
    attachments: true,
  });
  assert.deepEqual(await placesOf(folder, 'quay.io/other/app:1'), {
    lookaside: 'https://quay.example/sigs',
    attachments: false,
  });
  assert.deepEqual(await placesOf(folder, 'reg.corp.example/app:1'), {
    lookaside: 'https://old.example',
    attachments: false,
  });
  assert.equal((await placesOf(folder, 'reg.corp.example:5000/app:1')).lookaside, 'https://old.example');
  assert.equal(
    (await placesOf(folder, 'docker.io/library/redis:7')).lookaside,
    'https://default.example/sigs',
  );
  // From a mirror: what is said of the mirror counts.
  assert.equal((await placesOf(folder, 'docker.io/app:1', 'quay.io')).lookaside, 'https://quay.example/sigs');
});

test('without the folder signatures lie where skopeo puts them', async (t) => {
  assert.deepEqual(await placesOf(join(folderWith(t, {}), 'none'), 'quay.io/app:1'), {
    lookaside: 'file:///var/lib/containers/sigstore',
    attachments: false,
  });
});

for (const [what, text, message] of [
  ['that is no YAML', 'docker: [', /a\.yaml: /],
  ['that is a list', '- docker', /a\.yaml: the file is no mapping/],
  [
    'with a path for an address',
    'docker:\n  quay.io: { lookaside: /var/sigs }',
    /lookaside of quay\.io is no address/,
  ],
  [
    'with a word for true',
    'docker:\n  quay.io: { use-sigstore-attachments: "on" }',
    /neither true nor false/,
  ],
] as const)
  test(`a file ${what} is refused by its name`, async (t) => {
    await assert.rejects(readRegistriesD(folderWith(t, { 'a.yaml': text })), {
      code: 'InvalidArgument',
      message,
    });
  });

test('a scope, or the default, below which everything is commented out says nothing', async (t) => {
  const folder = folderWith(t, {
    'default.yaml': 'default-docker:\n#  lookaside: https://default.example/sigs\n',
    'quay.yaml':
      'docker:\n  quay.io: { lookaside: "https://quay.example/sigs" }\n  quay.io/team:\n#    lookaside: x\n',
    'none.yaml': 'default-docker:\ndocker:\n',
  });
  assert.equal((await placesOf(folder, 'quay.io/team/app:1')).lookaside, 'https://quay.example/sigs');
  assert.equal((await placesOf(folder, 'docker.io/app:1')).lookaside, 'file:///var/lib/containers/sigstore');
});

test('a scope in two files is refused', async (t) => {
  const text = 'docker:\n  quay.io: { lookaside: "https://a.example" }\n';
  await assert.rejects(readRegistriesD(folderWith(t, { 'a.yaml': text, 'b.yaml': text })), {
    message: /b\.yaml: quay\.io is in .*a\.yaml already/,
  });
});
