import type { ListedProgram } from '../../artifacts/published.ts';
import type { FailCode } from '../../core/fail.ts';
import type { Facts } from '../../host/facts/probe.ts';
import type { Found } from '../../inventory/candidates/candidate.ts';
import type { Origin } from '../../inventory/candidates/find.ts';
import type { ProfileSources } from '../../profile/profile.ts';

/** Why something did not work, and what to do about it. */
export interface Trouble {
  readonly code: FailCode;
  readonly message: string;
  readonly remedy: string | undefined;
  /** A host key that a person could accept. */
  readonly hostKey?: { readonly fingerprint: string; readonly line: string; readonly file: string };
}

/** What a host said when it was met. */
export interface Met {
  readonly facts: Facts;
  /** From the first packet to the last answer. */
  readonly milliseconds: number;
  /** The version of the kubelet that is on the host, as 1.36.2. */
  readonly kubelet?: string;
}

/** Whether a registry answers a host. */
export interface Reach {
  readonly host: string;
  readonly registry: string;
  readonly ok: boolean;
  /** What was seen, in words. */
  readonly detail: string;
  /** It answers without TLS, which the profile does not allow it. */
  readonly isPlain?: boolean;
}

/** A host as it stands in the profile that it is asked with; `key` comes back with the answer. */
export interface Asked {
  readonly name: string;
  readonly key: string;
}

/** Releases that are out, by program, the newest first; or why that cannot be told. */
export type Published =
  | { readonly versions: ReadonlyMap<ListedProgram, readonly string[]> }
  | { readonly why: string };

/** What the wizard wants from the world. It goes on meanwhile, and is told of answers. */
export type Wish =
  | { readonly kind: 'meet'; readonly sources: ProfileSources; readonly hosts: readonly Asked[] }
  | { readonly kind: 'find'; readonly origin: Origin }
  | {
      readonly kind: 'reach';
      readonly sources: ProfileSources;
      /** Names of those that are asked to ask. */
      readonly hosts: readonly string[];
      readonly registries: readonly string[];
    }
  /** Which releases of programs are out. */
  | { readonly kind: 'list-releases' }
  | { readonly kind: 'accept-key'; readonly host: string; readonly line: string; readonly file: string }
  /** Of a question; undefined: nobody wants to answer it. */
  | { readonly kind: 'answer'; readonly text: string | undefined };

export type Reply =
  | { readonly kind: 'met'; readonly key: string; readonly met: Met }
  | { readonly kind: 'missed'; readonly key: string; readonly trouble: Trouble }
  | ({ readonly kind: 'found'; readonly origin: Origin } & Found)
  | { readonly kind: 'not-found'; readonly origin: Origin; readonly trouble: Trouble }
  | { readonly kind: 'reached'; readonly reach: Reach }
  | { readonly kind: 'reached-all' }
  | { readonly kind: 'published'; readonly published: Published }
  | { readonly kind: 'key-accepted'; readonly host: string }
  | { readonly kind: 'failed'; readonly trouble: Trouble }
  /** A secret is needed on the way; `answer` is the wish that brings it. */
  | { readonly kind: 'asked'; readonly label: string };

/** Who runs errands: the command hands it in, so that the wizard itself reaches nothing. */
export interface Errands {
  run(wish: Wish, reply: (reply: Reply) => void): void;
}
