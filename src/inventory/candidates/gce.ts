import { z } from 'zod';
import { runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { type Candidate, hostNameOf } from './candidate.ts';

/** gcloud is a large program in Python, and asks every zone. */
const deadlineSeconds = 90;

/** What gcloud prints of an instance (compute API v1, Instance). */
const instanceForm = z.object({
  name: z.string(),
  /** Address of the resource: its project stands in it. */
  selfLink: z.string(),
  zone: z.string(),
  status: z.string(),
});

/**
 * The running instances of a project; without one, of the project that gcloud is set to.
 * @throws Fail `Unsupported` where there is no gcloud, `BadUsage` for what it says no to
 */
export async function gceHosts(project: string, signal: AbortSignal): Promise<readonly Candidate[]> {
  const { exitCode, stdout, stderr } = await runCommand(
    [
      ...['gcloud', 'compute', 'instances', 'list', '--quiet', '--filter=status=RUNNING'],
      '--format=json(name,selfLink,zone,status)',
      ...(project === '' ? [] : [`--project=${project}`]),
    ],
    { signal, deadlineSeconds },
  );
  if (exitCode === 127)
    throw new Fail('Unsupported', 'there is no gcloud on this machine', {
      hint: 'Install the Google Cloud CLI, or add the instances by their addresses.',
    });
  if (exitCode !== 0)
    throw new Fail('BadUsage', `gcloud does not list the instances: ${reasonIn(stderr)}`, {
      hint: 'Log in with gcloud auth login, and name a project that you may look at.',
    });
  return instancesIn(stdout).map(candidateOf);
}

const reasonIn = (stderr: string): string =>
  stderr
    .split('\n')
    .find((line) => line.startsWith('ERROR:'))
    ?.replace(/^ERROR:\s*(\([^)]*\)\s*)?/, '') ?? stderr.trim().slice(0, 200);

function instancesIn(stdout: string): readonly z.output<typeof instanceForm>[] {
  try {
    return z.array(instanceForm).parse(JSON.parse(stdout));
  } catch (cause) {
    throw new Fail('Internal', 'what gcloud prints of instances is not understood', {
      context: { stdout: stdout.slice(0, 500) },
      cause,
    });
  }
}

const lastPart = (address: string): string => address.split('/').at(-1) ?? address;

function candidateOf({ name, selfLink, zone }: z.output<typeof instanceForm>): Candidate {
  const project = /\/projects\/([^/]+)\//.exec(selfLink)?.[1] ?? '';
  return {
    name: hostNameOf(name),
    way: { gce: { project, zone: lastPart(zone), instance: name } },
    groups: [],
    about: `${project}, ${lastPart(zone)}`,
  };
}
