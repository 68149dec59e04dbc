import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const programs = fileURLToPath(new URL('../flows/verify/recorded-host', import.meta.url));

/** This machine as a host, with programs that replay what real ones answered. */
export interface Stage extends Disposable {
  readonly profile: string;
  readonly env: NodeJS.ProcessEnv;
  /** Files of the recorded crictl: its calls, and what exists. */
  state(): string[];
}

export const makeStage = (env: NodeJS.ProcessEnv = {}): Stage => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-stage-'));
  const profile = join(folder, 'profile.yaml');
  const image = 'localhost:5000/crio/redis:alpine';
  writeFileSync(
    profile,
    `hosts: [{ name: node-1, local: {} }]
spec: { cni: { pluginDirs: ["${programs}"] }, verify: { image: "${image}" } }
`,
  );
  return {
    profile,
    env: { PATH: `${programs}:${process.env['PATH']}`, RECORDED: folder, ...env },
    state: () => readdirSync(folder).filter((name) => name !== 'profile.yaml' && name !== 'value'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
};
