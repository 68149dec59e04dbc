import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EmbeddedHost } from '../harness/embedded.ts';

const checkout = resolve(import.meta.dirname, '../..');

/** Kept from run to run: crictl built once, the walk-through's image, the release. */
export const artifactCache = join(checkout, '.berth', 'cache');

/** The longest that one command of these tests may take on a slow machine. */
const deadlineMs = 1_200_000;

export interface Run {
  readonly exitCode: number;
  /** Both streams as they came. */
  readonly output: string;
}

/** The real command, running: its output so far, its end, and a way to interrupt it. */
export class Running {
  readonly #process: ChildProcess;
  readonly ended: Promise<Run>;
  output = '';
  #onOutput: () => void = () => {};

  /** `within`: a command line that runs the one after it, e.g. in another network namespace. */
  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}, within: readonly string[] = []) {
    const env = { ...process.env, BERTH_CACHE: artifactCache, NO_COLOR: '1', ...environment };
    const [program = '', ...rest] = [...within, join(checkout, 'src/cli/berth'), ...args];
    this.#process = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
    const take = (chunk: Buffer): void => {
      this.output += chunk.toString();
      this.#onOutput();
    };
    this.#process.stdout?.on('data', take);
    this.#process.stderr?.on('data', take);
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), deadlineMs);
    this.ended = new Promise((done, fail) => {
      this.#process.once('error', fail);
      this.#process.once('close', (code, signal) => {
        clearTimeout(timer);
        done({ exitCode: code ?? 1000, output: signal === null ? this.output : `${this.output}\n${signal}` });
        this.#onOutput();
      });
    });
  }

  /** Waits until the output matches; throws with the whole output when the command ends first. */
  async says(pattern: RegExp): Promise<void> {
    for (let over = false; !pattern.test(this.output); ) {
      if (over) throw new Error(`berth ended without saying ${pattern}:\n${this.output}`);
      const { promise, resolve: wake } = Promise.withResolvers<void>();
      this.#onOutput = wake;
      over = await Promise.race([promise.then(() => false), this.ended.then(() => true)]);
    }
  }

  interrupt(): void {
    this.#process.kill('SIGINT');
  }
}

export const berth = (...args: string[]): Promise<Run> => new Running(args).ended;

/** Writes a profile for the host; `spec` is YAML, each line indented by two blanks. */
export function profileFor(
  host: EmbeddedHost,
  folder: string,
  spec = '',
  artifacts = '{ source: go }',
): string {
  const path = join(folder, 'profile.yaml');
  const { ssh } = host;
  writeFileSync(
    path,
    `apiVersion: berth.dev/v1
kind: NodeProfile
hosts:
  - name: node
    ssh:
      host: ${ssh.host}
      user: ${ssh.user}
      identityFiles: [${ssh.identityFiles.join(', ')}]
      knownHostsFiles: [${ssh.knownHostsFiles.join(', ')}]
spec:
  artifacts: ${artifacts}
  registries: { insecure: [localhost:5000] }
  verify: { level: node, image: localhost:5000/crio/redis:alpine, imageSource: embedded }
${spec}`,
  );
  return path;
}

/** The same, proven without pods; `spec` is YAML, each line indented by two blanks. */
export const smokeProfileFor = (host: EmbeddedHost, folder: string, spec = ''): string => {
  const path = join(folder, 'profile.yaml');
  const { ssh } = host;
  writeFileSync(
    path,
    `hosts:
  - name: node
    ssh: { host: ${ssh.host}, user: root, identityFiles: [${ssh.identityFiles[0]}], knownHostsFiles: [${ssh.knownHostsFiles[0]}] }
spec:
  artifacts: { source: go }
  verify: { level: smoke }
${spec}`,
  );
  return path;
};
