import type { Content, Origin } from './change.ts';

/** A thing that should be so on a host. `node/` makes them; the file of each kind says what differs. */
export type Resource =
  | FileResource
  | LinkResource
  | PackagesResource
  | ModuleResource
  | SysctlResource
  | ReleaseResource
  | UnitResource;

export interface FileResource {
  readonly kind: 'file';
  readonly path: string;
  readonly content: Content;
  readonly mode: number;
  /** Units that read this file: they run with what was there before until they are restarted. */
  readonly readBy?: readonly string[];
  /** What its use will bring to the host, noted so that reset can take it away. */
  readonly origins?: readonly Origin[];
}

export interface LinkResource {
  readonly kind: 'link';
  readonly path: string;
  readonly target: string;
}

/** All packages in one resource: package managers do many at the price of one. */
export interface PackagesResource {
  readonly kind: 'packages';
  readonly names: readonly string[];
}

export interface ModuleResource {
  readonly kind: 'module';
  readonly name: string;
}

export interface SysctlResource {
  readonly kind: 'sysctl';
  readonly key: string;
  readonly value: string;
  /** Pods do not work without it: a host that refuses it is not provisioned. Else the plan says so in a note. */
  readonly required: boolean;
  /** Module that brings the key, when one does. */
  readonly broughtBy?: string;
}

/** A folder of files that belong together, beside its predecessors, and the link that names the one in use. */
export interface ReleaseResource {
  readonly kind: 'release';
  readonly root: string;
  readonly version: string;
  readonly files: readonly ReleaseFile[];
  /** By unit, the names of the files that it runs. */
  readonly readBy?: Readonly<Record<string, readonly string[]>>;
}

export interface ReleaseFile {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly mode: number;
}

/** A service of systemd that is enabled and runs. Its unit file is a file resource of its own. */
export interface UnitResource {
  readonly kind: 'unit';
  readonly name: string;
  /** Path of its unit file. */
  readonly file: string;
  /** For services of a release: which, and which of its files the process runs. */
  readonly runs?: { readonly root: string; readonly version: string; readonly files: readonly string[] };
}
