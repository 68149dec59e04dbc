import type { OciRuntime, Spec } from '../../profile/profile.ts';
import { readRuntimeInfo } from './answers.ts';
import { engineOf } from './engine.ts';
import { runningConfiguration } from './running-configuration.ts';
import { done, green, type Judge, red, type Verdict } from './verdict.ts';
import { kubeletVersion, releaseSkew } from './version-skew.ts';

/** `KEY=value` lines of systemctl show. */
const properties = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );

const unitVerdict = (unit: string, text: string): Verdict => {
  const of = properties(text);
  if (of.get('LoadState') !== 'loaded')
    return red(`the unit is ${of.get('LoadState') ?? 'unknown'}`, 'run berth apply: it installs the unit');
  const state = `${of.get('ActiveState')} (${of.get('SubState')})`;
  if (of.get('ActiveState') !== 'active')
    return red(state, `see why with: journalctl -u ${unit} -n 50; start it with: systemctl start ${unit}`);
  if (of.get('UnitFileState') !== 'enabled')
    return red(
      `${state}, but ${of.get('UnitFileState')}: it will not start at boot`,
      `systemctl enable ${unit}`,
    );
  const restarts = Number(of.get('NRestarts') ?? '0');
  const seconds = Number(of.get('Uptime')) - Number(of.get('ActiveEnterTimestampMonotonic')) / 1e6;
  if (restarts >= flapping.restarts && seconds < flapping.seconds)
    return red(
      `${state}, but it was restarted ${restarts} times, the last time ${Math.round(seconds)} s ago`,
      `see why it ends with: journalctl -u ${unit} -n 100`,
    );
  return green(restarts === 0 ? `${state}, enabled` : `${state}, enabled, restarted ${restarts} times`);
};

/** A service that was killed once is none that flaps; systemd starts one that flaps again within seconds. */
const flapping = { restarts: 3, seconds: 60 };

export const unit = (name: string): Judge => ({
  title: 'runs, starts at boot',
  judge: ({ stdout }) => unitVerdict(name, stdout),
  remedy: 'the host must run systemd',
});

const field = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1];

const socketVersion = (spec: Spec, own: string): Judge => ({
  title: 'answers crictl version',
  judge: ({ stdout }) => {
    const api = field(stdout, 'RuntimeApiVersion');
    const version = field(stdout, 'RuntimeVersion');
    const name = `${field(stdout, 'RuntimeName')} ${version}`;
    if (api !== 'v1') return red(`${name} speaks CRI ${api}, not v1`);
    const { runtimeName } = engineOf(spec);
    if (field(stdout, 'RuntimeName') !== runtimeName)
      return red(
        `${name} serves the socket, not ${runtimeName}`,
        'run berth apply: it ends the other engine',
      );
    if (spec.engine.name === 'cri-o') return engineVersion(name, version ?? '', spec.engine.version);
    return releaseSkew(version ?? '', own) ?? green(`${name}, CRI ${api}`);
  },
  remedy: 'look at: systemctl status berthd; ls -l /run/crio/crio.sock; cat /etc/crictl.yaml',
});

/** A pin may be a minor alone. */
const engineVersion = (name: string, seen: string, pinned: string | undefined): Verdict =>
  pinned === undefined || seen === pinned || seen.startsWith(`${pinned}.`)
    ? green(`${name}, CRI v1`)
    : red(`${name}; the profile has ${pinned}`, 'run berth apply: it installs the version of the profile');

const socketInfo: Judge = {
  title: 'runtime, network ready',
  judge: ({ stdout }) => {
    const conditions = readRuntimeInfo(stdout)?.status.conditions ?? [];
    const needed = ['RuntimeReady', 'NetworkReady'];
    const missing = needed.filter((type) => !conditions.some((condition) => condition.type === type));
    if (missing.length > 0) return red(`crictl info does not mention ${missing.join(' and ')}`);
    const bad = conditions.filter(({ type, status }) => needed.includes(type) && !status);
    if (bad.length === 0) return green(needed.join(', '));
    const remedy = bad.some(({ type }) => type === 'NetworkReady')
      ? 'look for a valid configuration in /etc/cni/net.d, and for its plugins in the folders of spec.cni.pluginDirs; ' +
        'where somebody removed them beside their package, berth doctor finds that, and with --fix it brings them back'
      : 'see why with: journalctl -u berthd -n 50';
    return red(
      bad.map(({ type, reason, message }) => `${type} is false: ${reason} ${message}`.trim()).join('; '),
      remedy,
    );
  },
};

const crictlVersion = (wanted: string): Judge => ({
  title: `is ${wanted}`,
  judge: ({ stdout }) => {
    const seen = /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
    return seen === wanted
      ? green(seen)
      : red(`${seen ?? stdout.trim()}`, 'run berth apply: it installs the version of the profile');
  },
});

/** A package's version is its repository's matter. */
const anyCrictl: Judge = {
  title: 'runs',
  judge: ({ stdout }) => green(/v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? stdout.trim()),
};

const runtimeVersion = ({ name, version: pinned }: OciRuntime): Judge => ({
  title: pinned === undefined ? 'runs' : `is ${pinned}`,
  judge: ({ stdout }) => {
    const version = /(?:version:?\s+|^bwrap-oci\s+|:\s*)(?:release-)?v?(\d\S*)/m
      .exec(stdout)?.[1]
      ?.replace(/,$/, '');
    const spec = /spec:\s*(\S+)/.exec(stdout)?.[1];
    if (version === undefined) return red(`no version in its answer: ${stdout.slice(0, 60)}`);
    if (pinned !== undefined && !isRelease(version, pinned))
      return red(`${version}; the profile has ${pinned}`, `run berth apply: it installs ${name} ${pinned}`);
    return green(spec === undefined ? version : `${version}, OCI ${spec}`);
  },
  remedy:
    `run berth apply: it installs ${name}; where it has nothing to do, somebody removed it beside its package: ` +
    'berth doctor finds that, and with --fix it brings it back',
});

/** Distributions and builds add to what the project calls a release: 1.1.5+ds1. */
const isRelease = (seen: string, pinned: string): boolean =>
  seen === pinned || (seen.startsWith(pinned) && /^[^0-9A-Za-z.]/.test(seen.slice(pinned.length)));

const cniVersion: Judge = {
  title: 'the bridge plugin runs',
  judge: ({ stdout }) => {
    const versions = /"supportedVersions"\s*:\s*\[([^\]]*)\]/.exec(stdout)?.[1]?.match(/[\d.]+/g);
    const newest = versions?.at(-1);
    return newest === undefined
      ? red(`no versions in its answer: ${stdout.slice(0, 60)}`)
      : green(`CNI up to ${newest}`);
  },
  remedy:
    'run berth apply: it installs the plugins; where it has nothing to do, they are not in a folder of spec.cni.pluginDirs, ' +
    'or somebody removed them beside their package: berth doctor finds that, and with --fix it brings them back',
};

/** The checks of level smoke: what smoke.sh runs, by its identifiers. */
export const smokeJudges = (spec: Spec, own: string): ReadonlyMap<string, Judge> =>
  new Map<string, Judge>([
    ...engineOf(spec).units.map((name) => [`units.${name}`, unit(name)] as const),
    ['socket.version', socketVersion(spec, own)],
    ['socket.info', socketInfo],
    ['versions.crictl', spec.crictl.source === 'package' ? anyCrictl : crictlVersion(spec.crictl.version)],
    ...spec.ociRuntimes.map((runtime) => [`versions.${runtime.name}`, runtimeVersion(runtime)] as const),
    ['versions.cni', cniVersion],
    ['versions.kubelet', kubeletVersion(spec.crictl.version)],
    ['config.running', runningConfiguration],
    ['running.lane', done('the configuration at work', 'compared')],
  ]);
