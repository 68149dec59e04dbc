import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { berth } from '../../test/e2e/berth.ts';
import type { Tool, Way } from './tool.ts';

/** What the role adds to the shortest profile: six sysctls and ten packages in all, as the peers get. */
export interface Wants {
  readonly packages: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
}

/**
 * A first run is `apply` with its smoke verification, which the peers do not do; a no-op is the same command again.
 */
export const berthTool = (wants: Wants): Tool => ({
  name: 'berth',
  async run(way, expects) {
    const profile = writeProfile(way, wants);
    const args = ['apply', profile, '--ci', '--yes', '--stats'];
    const { exitCode, output } = await berth(...args);
    if (exitCode !== 0 || (expects === 'nothing') !== output.includes('Nothing to do'))
      throw new Error(`berth did not do what was expected (${expects}, exit code ${exitCode}):\n${output}`);
    return output;
  },
});

/** What the peers' no-op does: look at everything, and find that nothing differs. `apply` proves the node besides. */
export const planNothing = async (way: Way, wants: Wants): Promise<void> => {
  const { exitCode, output } = await berth('plan', writeProfile(way, wants), '--ci');
  if (exitCode !== 0) throw new Error(`berth would change something (exit code ${exitCode}):\n${output}`);
};

export const writeProfile = (
  { folder, targets, user, identity, knownHosts }: Way,
  { packages, sysctls }: Wants,
): string => {
  const path = join(folder, 'profile.yaml');
  const profile = {
    defaults: { ssh: { user, identityFiles: [identity], knownHostsFiles: [knownHosts] } },
    hosts: targets.map(({ name, host, port }) => ({ name, ssh: { host, port } })),
    spec: {
      artifacts: { source: 'go' },
      packages: { extra: packages },
      kernel: { sysctls },
      verify: { level: 'smoke' },
    },
  };
  writeFileSync(path, JSON.stringify(profile));
  return path;
};
