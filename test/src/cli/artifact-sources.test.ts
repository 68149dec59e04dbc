import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { withArtifactSources } from '../../../src/cli/artifact-sources.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import type { Profile } from '../../../src/profile/profile.ts';

const profileWith = async (artifacts: string): Promise<Profile> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-sources-'));
  try {
    const file = join(folder, 'profile.yaml');
    writeFileSync(
      file,
      `apiVersion: berth.dev/v1\nkind: NodeProfile\nhosts: [{ name: here, local: {} }]\nspec: { artifacts: ${artifacts} }\n`,
    );
    return await loadProfile(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const sourcesOf = async (artifacts: string, place: string | undefined) =>
  withArtifactSources(await profileWith(artifacts), place === undefined ? {} : { BERTH_ARTIFACTS: place })
    .hosts[0]?.spec.artifacts;

test('BERTH_ARTIFACTS names a folder of release files', async () => {
  assert.deepEqual(await sourcesOf('{}', 'releases'), {
    source: 'auto',
    mirror: undefined,
    folder: resolve('releases'),
  });
});

test('BERTH_ARTIFACTS names a mirror by its address', async () => {
  const sources = await sourcesOf('{}', 'https://mirror.example/crictl');
  assert.equal(sources?.mirror, 'https://mirror.example/crictl');
  assert.equal(sources?.folder, undefined);
});

test('what the profile says about artifacts wins over BERTH_ARTIFACTS', async () => {
  for (const own of ['{ folder: /srv/own }', '{ mirror: "https://own.example" }', '{ source: go }'])
    assert.deepEqual(await sourcesOf(own, '/elsewhere'), await sourcesOf(own, undefined));
});
