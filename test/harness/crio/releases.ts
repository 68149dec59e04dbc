import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildNative } from '../../../src/artifacts/build-native.ts';
import { artifactSpecs } from '../../../src/artifacts/pins.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../../node_modules/.cache/berth-test');

/** The newest first: two of one minor, and those before. A module proxy need not hand out every one. */
const known: readonly string[] = ['1.36.2', '1.36.1', '1.35.2', '1.34.0'];

export interface CrioReleases {
  /** Those that the module proxy has, the newest first. */
  readonly versions: readonly string[];
  /** What it says of the others. */
  readonly refused: string;
}

/** Asks the module proxy for the source of each release; nothing is built. */
export async function crioReleases(): Promise<CrioReleases> {
  const versions: string[] = [];
  const refused: string[] = [];
  for (const version of known) {
    try {
      await sourceOf(version);
      versions.push(version);
    } catch (error) {
      const { stdout = '', message } = error as Error & { stdout?: string };
      const told = /"Error": "(.*)"/.exec(stdout)?.[1] ?? message;
      refused.push(told.replaceAll(/\\[nt]+/g, ' ').slice(0, 200));
    }
  }
  return { versions, refused: refused.join('; ') };
}

const go = (args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string }> =>
  run('go', args, {
    cwd,
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/local/go/bin`, GOFLAGS: '-modcacherw', ...env },
    maxBuffer: 2 ** 26,
  });

async function sourceOf(version: string): Promise<string> {
  const { stdout } = await go(['mod', 'download', '-json', `github.com/cri-o/cri-o@v${version}`], tmpdir());
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

export interface CrioPrograms {
  readonly crio: string;
  readonly pinns: string;
}

/**
 * crio and pinns of a release, the first time in minutes. Its module asks for release candidates of Kubernetes' libraries,
 * which a module proxy may not have: they are built with the releases that came of these.
 */
export async function buildCrio(version: string): Promise<CrioPrograms> {
  const folder = join(cache, `crio-${version}`);
  const programs = { crio: join(folder, 'crio'), pinns: join(folder, 'pinns') };
  if (existsSync(folder)) return programs;
  const work = await mkdtemp(join(tmpdir(), 'berth-crio-'));
  try {
    const source = await sourceOf(version);
    const made = join(work, 'made');
    await mkdir(made);
    await installCrio(work, made, version, source);
    const [pinns] = await buildNative(['pinns'], source, work, new AbortController().signal);
    await rename(pinns?.path ?? '', join(made, 'pinns'));
    await mkdir(cache, { recursive: true });
    await run('cp', ['-a', made, `${folder}.${process.pid}`]);
    await rename(`${folder}.${process.pid}`, folder);
    return programs;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function installCrio(work: string, made: string, version: string, source: string): Promise<void> {
  const goMod = await readFile(join(source, 'go.mod'), 'utf8');
  const language = /^go (\S+)$/m.exec(goMod)?.[1];
  const candidates = [...goMod.matchAll(/^\s+(k8s\.io\/\S+) (v\S+)-rc\.\d+/gm)];
  const released = candidates.map(([, name, release]) => `replace ${name} => ${name} ${release}`);
  await writeFile(
    join(work, 'go.mod'),
    `module build.invalid/crio\ngo ${language}\nrequire github.com/cri-o/cri-o v${version}\n${released.join('\n')}\n`,
  );
  const { tags = [], packages = [] } = artifactSpecs['cri-o'].go ?? {};
  const flags = '-ldflags=-s -w -linkmode external -extldflags=-static';
  await go(['install', '-mod=mod', '-trimpath', flags, `-tags=${tags.join(',')}`, ...packages], work, {
    GOBIN: made,
    CGO_ENABLED: '1',
  });
}
