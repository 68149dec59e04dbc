import { Fail } from '../core/fail.ts';
import type { Config } from './config.ts';

/** Where the configuration is read from; every default is the path that the man pages name. */
export interface ConfigSources {
  /** /etc/crio/crio.conf; may be missing. */
  readonly file?: string;
  /** /etc/crio/crio.conf.d; files in byte order, later ones win per key. */
  readonly dropInDir?: string;
  /** /etc/containers/registries.conf; may be missing. */
  readonly registriesFile?: string;
  /** /etc/containers/registries.conf.d */
  readonly registriesDir?: string;
  /** /etc/containers/policy.json, unless crio.conf's signature_policy names another. */
  readonly policyFile?: string;
  /** For PATH, where runtimes are looked up. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Reads everything, fills in defaults. Fails `InvalidArgument` naming file:line and the remedy. */
export const loadConfig = async (_sources: ConfigSources = {}): Promise<Config> => {
  throw new Fail('Unimplemented', 'loadConfig');
};
