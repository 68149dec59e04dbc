import type { ArtifactName } from '../artifacts/pins.ts';
import type { Unpacked } from '../artifacts/unpack-release.ts';
import type { Secret } from '../core/secret.ts';
import type { Facts, ProbeRequest } from '../host/facts/probe.ts';
import type { SecretSource, Spec } from '../profile/profile.ts';
import type { LockedPackages, ReleaseFile, Resource } from '../resources/resource.ts';
import type { Render } from './templates.ts';

/** A file on the control machine, for hosts. */
interface SuppliedFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What must be there before it can be said what a node is: made or fetched on the control machine. */
export interface Supplies {
  readonly release: { readonly version: string; readonly files: readonly ReleaseFile[] };
  /** Undefined: a package brings it. */
  readonly crictl?: SuppliedFile;
  /** What is fetched or built besides, unpacked. */
  readonly artifacts: ReadonlyMap<ArtifactName, Unpacked>;
  /** The keys that sign repositories beside the host's own, by whose they are. */
  readonly repositoryKeys?: ReadonlyMap<'cri-o' | 'kubernetes', string>;
  /** Undefined: berth.lock says nothing of packages, or there is none. */
  readonly packages?: LockedPackages;
}

export interface Given {
  readonly spec: Spec;
  readonly facts: Facts;
  readonly supplies: Supplies;
  readonly render: Render;
  /** What the profile's secrets are, by where they come from; empty when left out. */
  readonly secrets?: ReadonlyMap<SecretSource, Secret>;
  /** The profile's name of the host, for templates of the user. */
  readonly host?: string;
  /** Plan the changes of these concerns alone; undefined: of all. */
  readonly tags?: readonly string[];
}

/** One concern of a node: what the probe must ask for its sake, and what should be. Both pure. */
export interface Concern {
  readonly asks: (spec: Spec) => Partial<ProbeRequest>;
  readonly resources: (given: Given) => { readonly resources: Resource[]; readonly notes?: string[] };
}

/** A text file that a template of the same path makes. */
export const rendered = (
  render: Render,
  path: string,
  values: Readonly<Record<string, unknown>>,
  rest: { readonly mode?: number; readonly readBy?: readonly string[]; readonly guarded?: boolean } = {},
): Resource => ({
  kind: 'file',
  path,
  content: { kind: 'text', text: render(path, values) },
  mode: rest.mode ?? 0o644,
  ...(rest.guarded ? { guarded: true } : {}),
  ...(rest.readBy === undefined ? {} : { readBy: rest.readBy }),
});
