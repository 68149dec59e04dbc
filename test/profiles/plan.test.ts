import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { artifactSpecs } from '../../src/artifacts/pins.ts';
import type { Unpacked } from '../../src/artifacts/unpack-release.ts';
import { wantedArtifacts } from '../../src/node/artifacts.ts';
import { bareHost, bareSystem } from '../../src/node/bare-host.ts';
import type { Supplies } from '../../src/node/concern.ts';
import { planNode, probeRequest } from '../../src/node/node.ts';
import { loadTemplates } from '../../src/node/templates.ts';
import { loadProfile } from '../../src/profile/load-profile.ts';
import type { Spec } from '../../src/profile/profile.ts';

const folder = fileURLToPath(new URL('../../profiles/', import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

/** A host's system, where its name or that of its profile says so; else each that a node runs on is planned. */
const systemsFor = (profile: string, host: string): readonly string[] => {
  if (profile.includes('coreos')) return ['fedora-coreos'];
  const named = ['fedora:41', 'ubuntu:24.04'].filter((system) =>
    [profile, host].some((text) => text.includes(system.split(':')[0] ?? '')),
  );
  return named.length > 0 ? named : ['debian:12', 'ubuntu:24.04', 'fedora:41', 'centos:9'];
};

/** Stands for what would be fetched: names and digests are all that a plan looks at. */
const suppliesFor = (spec: Spec): Supplies => {
  const file = (name: string) => ({
    name,
    path: `/nowhere/${name}`,
    sha256: '0'.repeat(64),
    bytes: 1,
    mode: 0o755,
  });
  const artifacts = wantedArtifacts(spec).map(({ name }): [typeof name, Unpacked] => {
    const { program, programs } = artifactSpecs[name];
    const files = programs === undefined || programs === '*' ? [program] : programs;
    return [name, { files: files.map(file), links: [] }];
  });
  const release = ['node', 'koffi.node', 'berthd.mjs', 'berth-shim.mjs', 'berth-pull.mjs'].map(file);
  return {
    release: { version: '0', files: release },
    artifacts: new Map(artifacts),
    crictl: file('crictl'),
    repositoryKeys: new Map([
      ['cri-o', 'key'],
      ['kubernetes', 'key'],
    ]),
  };
};

for (const name of names)
  test(`${name} makes a node of a bare machine`, async () => {
    const { hosts } = await loadProfile(`${folder}${name}`, { overlays: [], set: [] });
    for (const { name: host, spec } of hosts)
      for (const system of systemsFor(name, host)) {
        const render = await loadTemplates(spec.templates);
        const facts = bareHost(bareSystem(system), 'x64', probeRequest(spec, render));
        const { changes } = planNode({ host, spec, facts, render, supplies: suppliesFor(spec) });
        const ids = changes.map(({ id }) => id);
        const unit = spec.engine.name === 'berth' ? 'berthd' : 'crio';
        assert.ok(
          ids.some((id) => id.startsWith(`start:${unit}`)),
          `${host} on ${system}: ${ids.join(' ')}`,
        );
        assert.ok(ids.includes('file:/etc/crictl.yaml'), `${host} on ${system}`);
        assert.equal(new Set(ids).size, ids.length, `${host} on ${system} has a change twice`);
      }
  });
