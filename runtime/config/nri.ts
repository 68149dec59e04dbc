import type { Config } from './config.ts';
import { absolutePath, duration, flag, listOf, text } from './readers.ts';
import { emptyOr } from './runtimes.ts';
import { NotAsExpected, type Reader, type Settings } from './settings.ts';
import { socketPath } from './socket-path.ts';

/** [crio.nri], with CRI-O's defaults. */
export const readNri = (settings: Settings): Config['nri'] => {
  const key = (last: string): string => `crio.nri.${last}`;
  const timeout = (name: string): number | undefined => settings.take(key(name), emptyOr(milliseconds));
  return {
    enabled: settings.take(key('enable_nri'), flag) ?? true,
    listen: settings.take(key('nri_listen'), emptyOr(socketPath)) ?? '/var/run/nri/nri.sock',
    connections: settings.take(key('nri_disable_connections'), flag) !== true,
    pluginDir: settings.take(key('nri_plugin_dir'), emptyOr(absolutePath)) ?? '/opt/nri/plugins',
    pluginConfigDir: settings.take(key('nri_plugin_config_dir'), emptyOr(absolutePath)) ?? '/etc/nri/conf.d',
    registrationTimeoutMs: timeout('nri_plugin_registration_timeout') ?? 5000,
    requestTimeoutMs: timeout('nri_plugin_request_timeout') ?? 2000,
    ...readValidator(settings),
  };
};

const readValidator = (settings: Settings): Pick<Config['nri'], 'validator'> => {
  const key = (last: string): string => `crio.nri.default_validator.nri_${last}`;
  const rejects = (what: string): boolean =>
    settings.take(key(`validator_reject_${what}_adjustment`), flag) ?? false;
  const required = settings.take(key('validator_required_plugins'), listOf(text));
  const tolerated = settings.take(key('validator_tolerate_missing_plugins_annotation'), emptyOr(text));
  const validator = {
    rejectHooks: rejects('oci_hook'),
    rejectRuntimeDefaultSeccomp: rejects('runtime_default_seccomp'),
    rejectUnconfinedSeccomp: rejects('unconfined_seccomp'),
    rejectCustomSeccomp: rejects('custom_seccomp'),
    rejectNamespaces: rejects('namespace'),
    rejectSysctls: rejects('sysctl'),
    requiredPlugins: required ?? [],
    ...(tolerated === undefined ? {} : { tolerateMissingAnnotation: tolerated }),
  };
  return settings.take(key('enable_default_validator'), flag) === true ? { validator } : {};
};

/** The longest timer that Node has. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** CRI-O reads a span of nothing as "not set". */
const milliseconds: Reader<number | undefined> = (value) => {
  const ms = Math.round(duration(value) * 1000);
  if (ms <= MAX_TIMER_MS) return ms === 0 ? undefined : ms;
  throw new NotAsExpected('is longer than 24 days');
};
