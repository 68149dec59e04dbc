import semver from 'semver';
import { green, type Judge, red, type Verdict, warned } from './verdict.ts';

/**
 * The release on the node against the berth that verifies it. Within a minor version (before 1.0: a patch) the profile
 * means the same to both; beyond it, what is proven here may not be what the node was made by.
 */
export const releaseSkew = (node: string, own: string): Verdict | undefined => {
  if (semver.valid(node) === null || semver.valid(own) === null || semver.eq(node, own)) return undefined;
  const seen = `the node runs berth ${node}, this is ${own}`;
  const remedy = semver.lt(node, own)
    ? 'run berth apply: it brings the node to this version'
    : 'use the berth that made the node, or a newer one';
  return semver.major(node) === semver.major(own) && semver.minor(node) === semver.minor(own)
    ? warned(seen, remedy)
    : red(seen, remedy);
};

/** From this minor version on the kubelet speaks CRI v1 alone, and from 1.23 on at all. */
const speaksV1 = 23;
/** crictl follows the kubelet's minor versions; one apart is what the project tests. */
const mayDiffer = 1;

/** A kubelet must speak CRI v1, and should be of the same age as crictl: people look at its pods with it. */
export const kubeletVersion = (crictl: string): Judge => ({
  title: 'kubelet fits',
  judge: ({ stdout }) => {
    const version = /v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
    if (version === undefined) return red(`no version in its answer: ${stdout.trim().slice(0, 60)}`);
    const minor = semver.minor(version);
    if (semver.major(version) === 1 && minor < speaksV1)
      return red(`${version} does not speak CRI v1`, `use a kubelet of 1.${speaksV1} or later`);
    const apart = Math.abs(minor - semver.minor(crictl));
    if (apart <= mayDiffer) return green(`${version}, crictl ${crictl}`);
    return warned(
      `${version}, and crictl is ${crictl}: ${apart} minor versions apart`,
      `set spec.crictl.version to the newest of 1.${minor}`,
    );
  },
  remedy: 'the kubelet on the host does not start: look at its package',
});
