import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { commandOutput } from '../core/command.ts';
import { Fail } from '../core/fail.ts';
import { buildNative, requireToolsFor } from './build-native.ts';
import type { LockedProgram } from './lock/lock.ts';
import { type Architecture, type ArtifactSpec, goArchitecture } from './pins.ts';
import type { Work } from './report.ts';
import { makeStagedModule } from './staged-module.ts';
import { packPrograms } from './unpack-release.ts';

/** A cold build of a large module on two busy cores takes minutes. */
const buildDeadlineSeconds = 900;
/** Of Kubernetes: thousands of packages. */
const stagedDeadlineSeconds = 3600;

/** From 1.21 on go checks the checksum database also for the toolchain that a module asks for. */
const oldestGo = [1, 21] as const;

const usualPlaces = ['/usr/local/go/bin/go', '/usr/lib/go/bin/go', '/usr/lib/golang/bin/go'];

/** What decides about the bytes of a build, beside the architecture: the source, and who compiles it. */
export type GoOrigin = Extract<LockedProgram['from'], { go: unknown }>['go'];

export interface Built {
  readonly path: string;
  readonly origin: GoOrigin;
}

/**
 * Builds the program from its module's source; the Go checksum database decides, and the pin where there is one.
 * With `locked`, the source is the locked one and the toolchain that compiles it too: go fetches that toolchain, checked
 * by the same database, where the installed one is another.
 */
export async function goInstall(
  spec: ArtifactSpec,
  version: string,
  arch: Architecture,
  folder: string,
  work: Work,
  locked?: GoOrigin,
): Promise<Built> {
  const { go } = spec;
  if (go === undefined)
    throw new Fail('Fetch', `${spec.program} is no Go module: it cannot be built that way`, {
      hint: 'name another source of it in the profile',
    });
  await requireToolsFor(go, arch, work.signal);
  const command = await findGo(work.signal);
  const env = {
    ...(await buildEnvironment(command, arch, folder, work.signal)),
    ...(locked === undefined ? {} : { GOTOOLCHAIN: locked.toolchain }),
    ...(go.libraries?.length ? { CGO_ENABLED: '1' } : {}),
  };
  const run = (args: readonly string[]): Promise<string> =>
    commandOutput([command, ...args], {
      signal: work.signal,
      cwd: folder,
      env,
      deadlineSeconds: go.staging === undefined ? buildDeadlineSeconds : stagedDeadlineSeconds,
      endsWithUs: true,
    });
  const { sum, source } = await requirePinnedModule(spec, go.module, version, run, locked);
  const { staging, asDependency, variables } = go;
  const staged =
    staging === undefined && asDependency === undefined
      ? undefined
      : await makeStagedModule(folder, source, go.module, version, staging?.(version));
  const linkerFlags = [
    '-s -w',
    ...Object.entries(variables?.(version) ?? {}).map(([name, value]) => `-X ${name}=${value}`),
    ...(go.versionVariable === undefined ? [] : [`-X ${go.versionVariable}=${version}`]),
    ...(go.libraries?.length ? ['-linkmode external -extldflags=-static'] : []),
  ].join(' ');
  await run([
    'install',
    ...(staged === undefined ? [] : ['-C', staged, '-mod=mod']),
    `-ldflags=${linkerFlags}`,
    ...(go.tags === undefined ? [] : [`-tags=${go.tags.join(',')}`]),
    ...go.packages.map((name) => (staged === undefined ? `${name}@v${version}` : name)),
  ]);
  const programs = [
    ...go.packages.map((name) => installedProgram(name, arch, folder)),
    ...(await buildNative(go.native ?? [], source, folder, work.signal)),
  ];
  const [first] = programs;
  if (first === undefined) throw new Fail('Internal', `nothing of ${go.module} is built`);
  const toolchain = await toolchainOf(first.path, run);
  const built = join(folder, spec.program);
  if (spec.programs === undefined) await rename(first.path, built);
  else await writeFile(built, await packPrograms(programs));
  return { path: built, origin: { module: go.module, sum, toolchain } };
}

/** A cross build lies one folder deeper. */
function installedProgram(name: string, arch: Architecture, folder: string): { name: string; path: string } {
  const program = basename(name);
  const path = [program, join(`linux_${goArchitecture[arch]}`, program)]
    .map((each) => join(folder, 'path', 'bin', each))
    .find((each) => existsSync(each));
  if (path === undefined) throw new Fail('Fetch', `go install ${name} made no ${program}`);
  return { name: program, path };
}

/** The toolchain that compiled a program, as the program itself says: go may have chosen another than the installed one. */
async function toolchainOf(
  program: string,
  run: (args: readonly string[]) => Promise<string>,
): Promise<string> {
  const answer = await run(['version', program]);
  const version = /: (go\d\S*)/.exec(answer)?.[1];
  if (version === undefined)
    throw new Fail('Fetch', `go version does not say who built ${program}: ${answer}`);
  return version;
}

async function findGo(signal: AbortSignal): Promise<string> {
  const inPath = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'go'));
  const go = [...inPath, ...usualPlaces].find((path) => existsSync(path));
  if (go === undefined)
    throw new Fail('Fetch', 'go is not installed', {
      hint: 'install Go 1.21 or newer, or name another source',
    });
  const version = (await commandOutput([go, 'env', 'GOVERSION'], { signal })).trim();
  const [major = 0, minor = 0] = version
    .replace(/^go/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  if (major < oldestGo[0] || (major === oldestGo[0] && minor < oldestGo[1]))
    throw new Fail('Fetch', `${go} is ${version}; ${oldestGo.join('.')} or newer is needed`);
  return go;
}

/**
 * The checksum database is never switched off, whatever the user's environment says. Who uses Go on
 * this machine has its caches, and they are used; else they are made in `folder` and go away with it.
 */
async function buildEnvironment(
  go: string,
  arch: Architecture,
  folder: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const user = JSON.parse(await commandOutput([go, 'env', '-json'], { signal })) as Record<string, string>;
  const place = async (key: string, name: string): Promise<string> => {
    const existing = user[key];
    if (existing !== undefined && existsSync(existing)) return existing;
    const own = join(folder, name);
    await mkdir(own, { recursive: true });
    return own;
  };
  const database = user['GOSUMDB'];
  return {
    GOOS: 'linux',
    GOARCH: goArchitecture[arch],
    CGO_ENABLED: '0',
    // Whatever the user set: the same source must give the same bytes everywhere.
    GOAMD64: 'v1',
    GOARM64: 'v8.0',
    GOEXPERIMENT: '',
    GOFIPS140: 'off',
    // Writable module caches: a read-only one could not be removed afterwards.
    GOFLAGS: '-trimpath -modcacherw',
    GOSUMDB: database === undefined || database === '' || database === 'off' ? 'sum.golang.org' : database,
    GONOSUMDB: '',
    GONOSUMCHECK: '',
    GOPRIVATE: '',
    GOINSECURE: '',
    GO111MODULE: 'on',
    GOWORK: 'off',
    GOBIN: '',
    GOPATH: join(folder, 'path'),
    GOMODCACHE: await place('GOMODCACHE', 'modules'),
    GOCACHE: await place('GOCACHE', 'build'),
  };
}

/** Answers the hash of the module, and the folder with its source. */
async function requirePinnedModule(
  { pins }: ArtifactSpec,
  module: string,
  version: string,
  run: (args: readonly string[]) => Promise<string>,
  locked: GoOrigin | undefined,
): Promise<{ sum: string; source: string }> {
  const answer = JSON.parse(await run(['mod', 'download', '-json', `${module}@v${version}`])) as {
    Sum: string;
    Dir: string;
  };
  const pinned = locked?.sum ?? pins[version]?.goModule;
  if (pinned === undefined || pinned === answer.Sum) return { sum: answer.Sum, source: answer.Dir };
  throw new Fail(
    'ChecksumMismatch',
    `Go module ${module} v${version} is ${answer.Sum}; ${pinned} is ${locked === undefined ? 'pinned' : 'locked'}`,
    {
      hint: 'do not use this module proxy; name another source in spec.artifacts',
    },
  );
}
