import { inside, isMapping } from './as-written.ts';
import type { Finding } from './finding.ts';

/** Names of hosts that name an instance too, once they are in lower case: RFC 1035. */
const namesInstance = (name: unknown): boolean =>
  typeof name === 'string' && /^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name);

/** Of an instance of Compute Engine: keys of which only one makes sense, or only with others. */
export const gceRules = (host: unknown, index: number): Finding[] => {
  const gce = inside(host, 'gce');
  if (!isMapping(gce)) return [];
  const at = (key: string, message: string): Finding => ({
    path: ['hosts', index, 'gce', key],
    at: 'value',
    message,
  });
  const findings: Finding[] = [];
  if ('image' in gce && 'imageFamily' in gce)
    findings.push(at('image', 'an instance is made of image or of imageFamily, not of both'));
  if (gce['osLogin'] === true && !('user' in gce && 'identityFile' in gce))
    findings.push(
      at(
        'osLogin',
        'OS Login knows people by keys of their own: say user (gcloud compute os-login describe-profile shows it) and identityFile',
      ),
    );
  const name = inside(host, 'name');
  if (!('instance' in gce) && !namesInstance(name))
    findings.push({
      path: ['hosts', index, 'gce'],
      at: 'key',
      message: `the host name ${String(name)} is no name of an instance; say instance`,
    });
  return findings;
};

/** Which instance each host is, with its place: two hosts that are one machine would undo each other. */
export const instancesOf = (
  hosts: readonly unknown[],
): readonly (readonly [value: unknown, path: Finding['path']])[] =>
  hosts.map((host, index) => {
    const gce = inside(host, 'gce');
    const path = ['hosts', index, 'gce', 'instance'];
    if (!isMapping(gce)) return [undefined, path];
    const name = String(gce['instance'] ?? inside(host, 'name')).toLowerCase();
    return [[gce['project'], gce['zone'], name].map(String).join('/'), path];
  });
