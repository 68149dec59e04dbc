import { readFileSync } from 'node:fs';
import { Fail, type FailCode, failedWith } from '../core/fail.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import type { Log } from '../observe/log.ts';
import {
  APPARMOR_DEFAULT,
  APPARMOR_DEFAULT_TEXT,
  type AppArmor,
  parseLoadedProfiles,
} from '../oci/apparmor.ts';
import type { Shim } from '../shim/client/shim.ts';

const PROFILES = '/sys/kernel/security/apparmor/profiles';
/** A parser that compiles for the first time on a slow machine. */
const LOAD_TIMEOUT_MS = 60_000;
/** The shim ends the parser first, and says so. */
const ANSWER_TIMEOUT_MS = LOAD_TIMEOUT_MS + 10_000;

export interface AppArmorSettings {
  readonly shim: Pick<Shim, 'call'>;
  readonly log: Log;
  /** The kernel confines by AppArmor. */
  readonly enabled: boolean;
  /** crio.conf's apparmor_profile; undefined: ours. */
  readonly profile: string | undefined;
  /** For tests: where the kernel tells its profiles. */
  readonly profiles?: string;
}

/** What says nothing about whether this host can load a profile: the next container asks again. */
const NO_ANSWER: readonly FailCode[] = ['Unavailable', 'DeadlineExceeded', 'Cancelled'];

/**
 * AppArmor as it is now, with our own profile loaded when it is the one to use and the kernel has not got it. Where
 * nothing can load it RuntimeDefault confines nothing, which the log says once.
 * Fails `FailedPrecondition` when crio.conf names a profile that is not loaded, and as the shim does when it does not
 * answer: nobody may run without a profile for the shim's sake.
 */
export const createAppArmor = (settings: AppArmorSettings): (() => Promise<AppArmor | undefined>) => {
  const { enabled, profile, log, profiles = PROFILES } = settings;
  let unloadable = false;
  const withOurs = async (loaded: ReadonlySet<string>): Promise<AppArmor> => {
    if (loaded.has(APPARMOR_DEFAULT)) return { defaultProfile: APPARMOR_DEFAULT, loaded };
    if (unloadable) return { defaultProfile: undefined, loaded };
    try {
      await load(settings.shim);
      log.info('loaded the AppArmor profile of RuntimeDefault', { profile: APPARMOR_DEFAULT });
      return { defaultProfile: APPARMOR_DEFAULT, loaded };
    } catch (error) {
      if (NO_ANSWER.some((code) => failedWith(error, code))) throw error;
      unloadable = true;
      log.warn('containers are not confined by AppArmor: its default profile cannot be loaded', { error });
      return { defaultProfile: undefined, loaded };
    }
  };
  return async () => {
    if (!enabled) return undefined;
    const loaded = parseLoadedProfiles(readProfiles(profiles));
    if (profile === undefined) return withOurs(loaded);
    if (profile === 'unconfined' || loaded.has(profile)) return { defaultProfile: profile, loaded };
    throw new Fail('FailedPrecondition', `AppArmor profile ${profile} is not loaded on this host`, {
      hint: 'load it with apparmor_parser --replace, or leave apparmor_profile out of crio.conf',
    });
  };
};

/**
 * In a container of the host the kernel may have none to show, or show them to nobody (`aa_current_policy_view_capable`).
 * Synchronous: each container asks, and four trips through the thread pool take longer than the kernel.
 */
const readProfiles = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) return '';
    throw error;
  }
};

const load = async (shim: AppArmorSettings['shim']): Promise<void> => {
  const answer = await shim.call(
    'run',
    {
      argv: ['apparmor_parser', '--replace', '--skip-cache'],
      stdin: APPARMOR_DEFAULT_TEXT,
      timeoutMs: LOAD_TIMEOUT_MS,
    },
    AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  );
  if (answer.exitCode === 0) return;
  if (answer.timedOut)
    throw new Fail('DeadlineExceeded', `apparmor_parser took longer than ${LOAD_TIMEOUT_MS} ms`);
  throw new Fail(
    'FailedPrecondition',
    `apparmor_parser: ${answer.stderr.trim() || `exit code ${answer.exitCode}`}`,
  );
};
