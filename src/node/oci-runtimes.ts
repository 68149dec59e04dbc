import { posix } from 'node:path';
import semver from 'semver';
import { Fail } from '../core/fail.ts';
import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { OciRuntime } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import type { Concern, Given } from './concern.ts';
import { daemonOf } from './engines.ts';
import { runtimePackage } from './packages.ts';
import { everyPlace, placesOn } from './places.ts';

/** Where the kernel gives out virtual machines. */
const kvm = '/dev/kvm';

/** What Kata's guests talk to the host through. */
const kataModules = ['vhost_vsock', 'vhost_net'] as const;

/** bwrap-oci is written in C against libraries of the distribution: the host builds it. */
const bwrapSource = '/var/lib/berth-build/bwrap-oci';

export const ociRuntimes: Concern = {
  asks: ({ ociRuntimes: wanted }) => {
    const installed = wanted.filter(({ source, name }) => source !== 'package' && name !== 'kata');
    const hasKata = wanted.some(({ name }) => name === 'kata');
    return {
      files: [
        ...everyPlace('programs').flatMap((folder) => installed.map(({ name }) => `${folder}/${name}`)),
        ...(hasKata ? [kvm] : []),
        ...(wanted.some(({ name }) => name === 'bwrap-oci') ? [`${bwrapSource}.built`] : []),
      ],
      modules: hasKata ? [...kataModules] : [],
    };
  },
  resources: (given) => {
    const { spec, facts } = given;
    for (const runtime of spec.ociRuntimes) requireUsable(runtime, facts);
    return {
      resources: spec.ociRuntimes.flatMap((runtime) => resourcesOf(runtime, given)),
      notes: spec.ociRuntimes.flatMap((runtime) => notesOn[runtime.name] ?? []),
    };
  },
};

function resourcesOf(runtime: OciRuntime, { spec, facts, supplies }: Given): Resource[] {
  const { name, source } = runtime;
  const modules: Resource[] =
    name === 'kata' ? kataModules.map((module) => ({ kind: 'module', name: module })) : [];
  const made = supplies.artifacts.get(name);
  if (source === 'package' || made === undefined) return modules;
  const folder = placesOn(facts).programs;
  const [first] = made.files;
  if (name === 'bwrap-oci' && first !== undefined)
    return [
      { kind: 'built', name, path: `${folder}/${name}`, source: first, marker: `${bwrapSource}.built` },
    ];
  const placeOf = (file: string): string => (name === 'kata' ? posix.join('/', file) : `${folder}/${file}`);
  return [
    ...modules,
    ...made.files.map(
      ({ name: file, path, sha256, bytes, mode }): Resource => ({
        kind: 'file',
        path: placeOf(file),
        content: { kind: 'local-file', path, sha256, bytes },
        mode: name === 'kata' ? mode : 0o755,
        ...(name === 'kata' ? {} : { readBy: [daemonOf(spec)] }),
      }),
    ),
    ...made.links.map(({ name: file, target }): Resource => ({ kind: 'link', path: placeOf(file), target })),
  ];
}

/** What a person should know of a runtime that works, and does not do all that others do. */
const notesOn: Readonly<Partial<Record<OciRuntime['name'], readonly string[]>>> = {
  'bwrap-oci': [
    'bwrap-oci makes no cgroups: limits of containers have no effect there, and neither checkpoints nor their use are known',
    'bwrap-oci up to 0.2, its last release, has no create and no start, which an engine calls: no pod runs by it, and the verification will say so',
  ],
};

/** gVisor's own floor. */
const oldestForGvisor = '4.15.0';

/**
 * What a runtime needs of the machine, before anything is changed on it.
 * @throws Fail `Unsupported`
 */
function requireUsable(runtime: OciRuntime, facts: Facts): void {
  const { name } = runtime;
  if (name === 'kata') requireKvm(facts);
  const kernel = semver.coerce(facts.system.kernel);
  if (name === 'runsc' && kernel !== null && semver.lt(kernel, oldestForGvisor))
    throw new Fail(
      'Unsupported',
      `gVisor needs Linux ${oldestForGvisor} or later; this is ${facts.system.kernel}`,
      {
        hint: 'boot a newer kernel, or take runsc out of spec.ociRuntimes',
      },
    );
  requirePackage(runtime, facts);
}

function requireKvm(facts: Facts): void {
  if (fileAt(facts.files, kvm).kind !== 'absent') return;
  throw new Fail(
    'Unsupported',
    `Kata Containers runs each pod in a virtual machine, and the host has no ${kvm}`,
    {
      hint: 'switch virtualization on in the firmware, or nested virtualization for this machine in its hypervisor; then: modprobe kvm_intel or kvm_amd',
    },
  );
}

/** A distribution that has no such package will not have one after the lists are fetched. */
function requirePackage({ name, source, version }: OciRuntime, facts: Facts): void {
  const { manager, packages } = facts.packages;
  if (source !== 'package' || manager === undefined) return;
  const names = runtimePackage(name, manager);
  if (names === undefined)
    throw new Fail('Unsupported', `${facts.system.os.prettyName} has no package of ${name}`, {
      hint: `take it from elsewhere: in spec.ociRuntimes, { name: ${name}, source: ${name === 'bwrap-oci' ? 'source' : 'release'}, version: … }`,
    });
  const fact = packages.get(names);
  const there = fact?.state === 'installed' ? fact.version : fact?.candidate;
  if (version === undefined || there === undefined || upstreamVersion(there) === version) return;
  throw new Fail('Unsupported', `${name} ${version} is pinned, and the package of the host is ${there}`, {
    hint: `pin ${upstreamVersion(there)}, leave version out, or take the release: source: release`,
  });
}

/** Without epoch, and without what the distribution added: `1:1.1.5+ds1-1+deb12u1` is 1.1.5. */
const upstreamVersion = (version: string): string =>
  version.replace(/^\d+:/, '').split(/[+~-]/)[0] ?? version;
