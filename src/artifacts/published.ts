import semver from 'semver';
import { runCommand } from '../core/command.ts';
import { Fail } from '../core/fail.ts';
import { downloadText } from './download.ts';
import { type ArtifactName, artifactSpecs } from './pins.ts';

/** Programs whose releases are versions of a Go module, which its proxy lists. gVisor's is none, and crun is not in Go. */
export const listedPrograms = [
  'crictl',
  'runc',
  'cri-o',
  'kubelet',
] as const satisfies readonly ArtifactName[];

export type ListedProgram = (typeof listedPrograms)[number];

const publicProxy = 'https://proxy.golang.org';

/**
 * The releases of a program that are out, the newest first, without those that are on trial: what a Go module proxy lists
 * under `/@v/list` (https://go.dev/ref/mod#goproxy-protocol).
 * @throws Fail `Fetch` when the proxy does not answer, or none may be asked
 */
export async function publishedVersions(
  name: ListedProgram,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const module = artifactSpecs[name].go?.module ?? '';
  const text = await downloadText(`${await proxyOf(signal)}/${module}/@v/list`, { signal, emit: () => {} });
  const versions = (text ?? '').split('\n').flatMap((line) => semver.parse(line.trim()) ?? []);
  return versions
    .filter(({ prerelease, build }) => prerelease.length === 0 && build.length === 0)
    .toSorted(semver.rcompare)
    .map(({ version }) => version);
}

/** The first proxy of GOPROXY; go itself knows one that was set by `go env -w`. An empty one is none, as it is for go. */
async function proxyOf(signal: AbortSignal): Promise<string> {
  const text = process.env['GOPROXY'] || (await goSays(signal)) || publicProxy;
  const [first = ''] = text.split(/[,|]/).filter((entry) => entry !== '');
  if (/^https?:\/\//.test(first)) return withoutLogin(first).replace(/\/+$/, '');
  // What has an @ may be a login.
  const told = first.includes('@') ? 'no address of http or https' : first || 'empty';
  throw new Fail('Fetch', `GOPROXY is ${told}: no proxy may be asked which releases are out`);
}

/** A request takes no login from its address, and what refuses it would show the password. */
function withoutLogin(address: string): string {
  const url = URL.parse(address);
  if (url === null)
    throw new Fail('Fetch', 'GOPROXY is no address: no proxy may be asked which releases are out');
  if (url.username === '' && url.password === '') return address;
  throw new Fail(
    'Fetch',
    `GOPROXY has a login for ${url.host}, and berth sends none when it asks which releases are out`,
    {
      hint: 'Name a proxy that wants no login first, or write the versions into the profile.',
    },
  );
}

async function goSays(signal: AbortSignal): Promise<string | undefined> {
  const { exitCode, stdout } = await runCommand(['go', 'env', 'GOPROXY'], { signal, deadlineSeconds: 10 });
  return exitCode === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}
