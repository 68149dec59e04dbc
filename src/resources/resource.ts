import type { LockedPackage } from '../artifacts/lock/lock.ts';
import type { Secret } from '../core/secret.ts';
import type { Content, Origin } from './change.ts';

/** A thing that should be so on a host. `node/` makes them; the file of each kind says what differs. */
export type Resource = Thing & {
  /** The concern of the node that it belongs to; its changes carry it, and `--tags` selects by it. */
  readonly tag?: string;
};

type Thing =
  | FileResource
  | LinkResource
  | PackagesResource
  | ModuleResource
  | SysctlResource
  | ReleaseResource
  | UnitResource
  | EntryResource
  | ContextResource
  | NoSwapResource
  | BuiltResource;

export interface FileResource {
  readonly kind: 'file';
  readonly path: string;
  readonly content: Content;
  readonly mode: number;
  /** Units that read this file: they run with what was there before until they are restarted. */
  readonly readBy?: readonly string[];
  /** Its use can cut the connection. */
  readonly guarded?: boolean;
  /** What its use will bring to the host, noted so that reset can take it away. */
  readonly origins?: readonly Origin[];
}

export interface LinkResource {
  readonly kind: 'link';
  readonly path: string;
  readonly target: string;
}

/** All packages in one resource: package managers do many at the price of one. */
/** Variables of a program; which of them are secret is known. */
export type Environment = Readonly<Record<string, string | Secret>>;

export interface PackagesResource {
  readonly kind: 'packages';
  readonly names: readonly string[];
  /** On an image-based host: let rpm-ostree add what is missing. */
  readonly layer?: boolean;
  /** What a person can do where no repository of the host has one of them. */
  readonly hintWhenUnknown?: string;
  /** For the package manager, beside its own: the way through a proxy. */
  readonly env?: Environment;
  /**
   * Versions by name, whole or a minor, which the repositories may have among newer ones: `1.37.2` asks for `1.37.2-1.1`, and
   * `1.37` for the newest `1.37.2-1.1`.
   */
  readonly pinned?: Readonly<Record<string, string>>;
  /** Services by the name of the package with their program. */
  readonly services?: Readonly<Record<string, string>>;
  /** Exactly these versions; undefined: what the host's repositories offer. */
  readonly locked?: LockedPackages;
}

/** What berth.lock says of the distribution of a host. */
export interface LockedPackages {
  /** The wanted ones and all that they need, by name. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
  /** They travel with the apply; undefined: the host fetches them. */
  readonly bundled?: BundledPackages;
}

export interface BundledPackages {
  /** On this machine, by name. */
  readonly files: Readonly<
    Record<string, { readonly path: string; readonly sha256: string; readonly bytes: number }>
  >;
  /** The index of a repository of these files alone, for the package manager: texts by their paths in it. */
  readonly index: (files: ReadonlySet<string>) => Readonly<Record<string, string>>;
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
  /** A limit: a higher value than this is as good, and stays. */
  readonly atLeast?: true;
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
  /** It can cut the connection. */
  readonly guarded?: boolean;
  readonly name: string;
  /** Path of its unit file. */
  readonly file: string;
  /** For services of a release: which, and which of its files the process runs. */
  readonly runs?: { readonly root: string; readonly version: string; readonly files: readonly string[] };
  /** Folders whose files it reads: it runs with what was there until it is restarted, also when one goes. */
  readonly reads?: readonly string[];
  /** Enabled, and left alone while it does not run: somebody else starts it when there is something to do for it. */
  readonly startedByOthers?: true;
  /** Its package may start it, before its configuration is there. */
  readonly startedByPackage?: boolean;
  /** What it made when it started is not there any more, and why: a restart makes it again. */
  readonly undone?: string;
}

/** An entry beside those of others in a configuration that is not berth's; the tool of its owner makes and removes it. */
export interface EntryResource {
  readonly kind: 'entry';
  readonly system: 'firewalld' | 'ufw' | 'fcontext';
  /** What the owner calls it: a range, a rule, a pattern of paths. */
  readonly name: string;
  /** What it says, where the name is not all: the SELinux type. */
  readonly value?: string;
}

/** The SELinux type of a path, and of everything below it. */
export interface ContextResource {
  readonly kind: 'context';
  readonly path: string;
  readonly type: string;
  /** What lies there is replaced before: whatever its type is now, it will not be this one. */
  readonly rewritten?: boolean;
}

/** A program that the host builds from a source archive. */
export interface BuiltResource {
  readonly kind: 'built';
  readonly name: string;
  readonly path: string;
  readonly source: { readonly path: string; readonly sha256: string; readonly bytes: number };
  /** A file that notes which source became which program. */
  readonly marker: string;
}

/** Nothing is swapped out now. */
export interface NoSwapResource {
  readonly kind: 'no-swap';
}
