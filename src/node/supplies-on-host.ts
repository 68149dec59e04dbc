import type { ArtifactName } from '../artifacts/pins.ts';
import { artifactSpecs } from '../artifacts/pins.ts';
import type { ArtifactFile, Unpacked } from '../artifacts/unpack-release.ts';
import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import { wantedArtifacts } from './artifacts.ts';
import type { Supplies } from './concern.ts';
import { placesOn } from './places.ts';
import { repositoryKeysOn } from './repositories.ts';

/**
 * What a plan needs, as the host has it: whether the programs are the right ones, their versions say. Nothing has to be
 * made or fetched to look at everything else. Undefined: the host has no release, or lacks a program of the profile.
 */
export function suppliesOn(spec: Spec, facts: Facts): Supplies | undefined {
  const release = releaseOn(facts);
  if (release === undefined && spec.engine.name === 'berth') return undefined;
  const artifacts = new Map<ArtifactName, Unpacked>();
  for (const { name } of wantedArtifacts(spec)) {
    const files = filesOn(name, facts);
    if (files === undefined) return undefined;
    artifacts.set(name, { files, links: [] });
  }
  const crictl = artifacts.get('crictl')?.files[0];
  return {
    release: release ?? { version: '', files: [] },
    artifacts,
    ...(crictl === undefined ? {} : { crictl }),
    repositoryKeys: repositoryKeysOn(facts),
  };
}

function releaseOn({ releases }: Facts): Supplies['release'] | undefined {
  const { current } = releases;
  if (current === undefined) return undefined;
  return {
    version: current,
    files: [...(releases.releases.get(current) ?? [])].flatMap(([name, fact]) =>
      fact.kind === 'file'
        ? [{ name, path: name, sha256: fact.sha256, bytes: fact.bytes, mode: fact.mode }]
        : [],
    ),
  };
}

/** Undefined: one is missing. A tree and what the host built itself are judged by what they do. */
function filesOn(name: ArtifactName, facts: Facts): ArtifactFile[] | undefined {
  if (name === 'kata' || name === 'bwrap-oci') return [];
  const { program, programs } = artifactSpecs[name];
  const names = programs === undefined || programs === '*' ? [program] : programs;
  const found = names.flatMap((each): ArtifactFile[] => {
    const path = placeOf(name, each, facts);
    const file = fileAt(facts.files, path);
    return file.kind === 'file'
      ? [{ name: each, mode: file.mode, path, sha256: file.sha256, bytes: file.bytes }]
      : [];
  });
  // conmon comes with CRI-O's bundle, and not with its source.
  return found.length === names.length || (name === 'cri-o' && found.length === 2) ? found : undefined;
}

function placeOf(name: ArtifactName, file: string, facts: Facts): string {
  const places = placesOn(facts);
  if (name === 'crictl') return places.crictl;
  return `${name === 'cni-plugins' ? places.plugins : places.programs}/${file}`;
}
