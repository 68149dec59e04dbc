import { Fail } from '../core/fail.ts';
import { ownVersion } from '../core/own-version.ts';
import { type FirstBoot, type FirstBootScript, firstBootScript } from '../host/script/first-boot.ts';
import { type BareSystem, bareHost, machineOf } from '../node/bare-host.ts';
import type { Given } from '../node/concern.ts';
import { probeRequest, requireSupported } from '../node/node.ts';
import { packagesFor } from '../node/packages.ts';
import { type Places, placesOn } from '../node/places.ts';
import { loadTemplates } from '../node/templates.ts';
import type { HostEntry, Spec } from '../profile/profile.ts';
import type { Change, Content } from '../resources/change.ts';
import { spaceNeeds } from '../resources/space.ts';
import { requireScripts, scriptJudge } from './check-scripts.ts';
import type { FlowContext } from './context.ts';
import { lockedPackages, withLockedPackages } from './locked-packages.ts';
import { inPhase } from './on-hosts.ts';
import { planFirstBoot, requireTellable } from './plan-first-boot.ts';
import { readSecrets } from './read-secrets.ts';
import { supplyHosts } from './supply.ts';
import { named } from './survey.ts';

export interface ExportOptions {
  readonly system: BareSystem;
  readonly arch: 'x64' | 'arm64';
  /** Where the artifacts will be; undefined: the data hold them. */
  readonly address: string | undefined;
}

/** The node of a host as a script for the first boot of a machine that is made by somebody else. No host is contacted. */
export async function exportFirstBoot(
  context: FlowContext,
  host: HostEntry,
  { system, arch, address }: ExportOptions,
): Promise<FirstBootScript> {
  const { spec } = host;
  requireNoSecrets(host);
  named(host.name, () => requireTellable(spec));
  const render = await loadTemplates(spec.templates);
  const lock = await context.lock?.();
  const facts = bareHost(system, arch, withLockedPackages(probeRequest(spec, render), lock));
  named(host.name, () => requireSupported(facts));
  const packages = named(host.name, () => lockedPackages(lock, facts, packagesFor(spec, facts)));
  const made = await supplyHosts(context)(host, { arch, manager: system.manager });
  const supplies = packages === undefined ? made : { ...made, packages };
  return await inPhase(context, host.name, 'plan', async () => {
    const secrets = await readSecrets(context, host);
    const given: Given = { host: host.name, spec, facts, supplies, render, secrets };
    const plan = named(host.name, () => planFirstBoot(given));
    const changes = plan.changes.map(({ change }) => change);
    named(host.name, () => requireOpen(changes));
    await requireScripts(changes, scriptJudge(context.signal));
    const boot: FirstBoot = {
      title: await titleOf(context, host, system, arch),
      system: {
        name: system.name,
        id: system.id,
        version: system.version,
        variant: system.variant ?? '',
        machine: machineOf(arch),
      },
      circumstances: plan.circumstances,
      works: plan.changes.map(({ change, ...rest }) => ({ work: change, ...rest })),
      about: { berth: await ownVersion(), spec: JSON.stringify(spec), keep: spec.generations.keep },
      space: spaceNeeds(changes, facts),
      proof: {
        units: startedBy(changes),
        ...crictlOf(spec, placesOn(facts)),
        image: imageOf(spec),
      },
      address,
    };
    return await firstBootScript(boot);
  });
}

/** A package brings the one that the distribution has, which is on the PATH. */
const crictlOf = ({ crictl }: Spec, places: Places): Pick<FirstBoot['proof'], 'crictl' | 'crictlVersion'> =>
  crictl.source === 'pinned'
    ? { crictl: places.crictl, crictlVersion: crictl.version }
    : { crictl: 'crictl', crictlVersion: '' };

/** Of the proof: an image that berth itself serves cannot be served to a machine that nobody looks at. */
export const imageOf = ({ verify }: Spec): string | undefined =>
  verify.level === 'smoke' || verify.imageSource === 'embedded' ? undefined : verify.image;

async function titleOf(
  { profile }: FlowContext,
  { name }: HostEntry,
  system: BareSystem,
  arch: string,
): Promise<string> {
  return (
    `First-boot data of berth ${await ownVersion()}: host ${name} of ${profile.file.split('/').at(-1)}, for ${system.name} on ${arch}.\n` +
    'Run as root it makes this machine a Kubernetes container host and proves it with crictl.'
  );
}

const startedBy = (changes: readonly Change[]): string[] => [
  ...new Set(changes.flatMap(({ id }) => (id.startsWith('start:') ? [id.slice('start:'.length)] : []))),
];

/** Said before anything is fetched, and before any of them is read. */
function requireNoSecrets({ name, spec }: HostEntry): void {
  const found = [
    ...spec.registries.auth.map(({ registry }) => `spec.registries.auth (${registry})`),
    ...(['http', 'https'] as const).flatMap((key) =>
      typeof spec.proxy[key] === 'object' ? [`spec.proxy.${key}`] : [],
    ),
  ];
  if (found.length > 0) throw holdsSecrets(name, found);
}

/** Whatever concern they come from. */
function requireOpen(changes: readonly Change[]): void {
  const isSecret = (content: Content) => content.kind === 'secret';
  const found = changes.flatMap(({ steps }) =>
    steps.flatMap((step) => {
      if ('content' in step && isSecret(step.content)) return [step.path];
      const env = step.kind === 'run' ? Object.values(step.env ?? {}) : [];
      return env.some((value) => typeof value !== 'string') ? ['the environment of a package manager'] : [];
    }),
  );
  if (found.length > 0) throw holdsSecrets(undefined, [...new Set(found)]);
}

const holdsSecrets = (host: string | undefined, found: readonly string[]): Fail =>
  new Fail(
    'BadProfile',
    `${host === undefined ? '' : `${host}: `}first-boot data would hold secrets: ${found.join(', ')}`,
    {
      hint:
        'Clouds show first-boot data to every program of the machine, and keep them: berth writes no secret there. ' +
        'Leave them out for these machines (an overlay), and bring them by what the cloud has for secrets, or by berth apply over SSH.',
    },
  );
