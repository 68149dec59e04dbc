import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Fail } from '../../core/fail.ts';
import { signalNumber, type WaitStatus } from '../../linux/processes.ts';
import { bareEnvironment, killGroup } from './processes/children.ts';
import { FdCapture } from './processes/fd-capture.ts';
import { FdReadable } from './processes/fd-streams.ts';
import { startPiped } from './processes/run.ts';

/** What berth-pull prints, a JSON object a line: progress as often as it likes, then one outcome. */
type Line = { readonly progress: unknown } | { readonly outcome: unknown };

const STDERR_LIMIT = 64 * 1024;
/** Proxy settings are the operator's; berth-pull is what reaches registries. */
const PASSED_ON = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];

/** The pulls that run now. berth-pull is a process of its own and lives as long as one pull. */
export class Pulls {
  readonly #release: string;
  readonly #running = new Map<string, { readonly pid: number; cancelled: boolean }>();

  /** `release`: folder with `berth-pull.mjs`, or in a checkout `berth-pull.ts`. */
  constructor(release: string) {
    this.#release = release;
  }

  /** Resolves with the outcome that berth-pull reports. Throws `Cancelled`, or `Internal` when it dies without one. */
  async pull(pullId: string, request: unknown, onProgress: (progress: unknown) => void): Promise<unknown> {
    if (this.#running.has(pullId)) throw new Fail('AlreadyExists', `pull ${pullId} runs already`);
    const program = programIn(this.#release);
    const { child, input, output, errors } = startPiped({
      argv: [process.execPath, program],
      env: { ...bareEnvironment, ...proxySettings() },
      stdin: `${JSON.stringify(request)}\n`,
    });
    const run = { pid: child.pid, cancelled: false };
    this.#running.set(pullId, run);
    const said = new FdCapture(errors, STDERR_LIMIT);
    try {
      const outcome = await readOutcome(new FdReadable(output), onProgress);
      const exit = await child.exited;
      if (run.cancelled) throw new Fail('Cancelled', `pull ${pullId} was cancelled`);
      if (outcome !== undefined) return outcome.value;
      throw endedEarly(exit, said.result.bytes.toString());
    } finally {
      input?.destroy();
      said.close();
      this.#running.delete(pullId);
    }
  }

  /** Not an error when there is no such pull. */
  cancel(pullId: string): void {
    const run = this.#running.get(pullId);
    if (run === undefined) return;
    run.cancelled = true;
    killGroup(run.pid);
  }

  close(): void {
    for (const pullId of this.#running.keys()) this.cancel(pullId);
  }
}

/** SIGKILL that nobody here has sent is most often the kernel's. */
function endedEarly(exit: WaitStatus | undefined, stderr: string): Fail {
  const how =
    exit?.signal === undefined
      ? `ended with exit code ${exit?.exitCode}`
      : `was ended by signal ${exit.signal}`;
  const hint =
    exit?.signal === signalNumber('SIGKILL')
      ? 'see dmesg for an OOM kill, free memory, and pull the image again'
      : 'the log of berthd has what it said; pull the image again';
  return new Fail('Internal', `berth-pull ${how}, without an outcome`, {
    hint,
    context: { ...exit, stderr },
  });
}

async function readOutcome(
  stdout: NodeJS.ReadableStream,
  onProgress: (progress: unknown) => void,
): Promise<{ readonly value: unknown } | undefined> {
  let outcome: { readonly value: unknown } | undefined;
  for await (const text of createInterface({ input: stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
    const line = parseLine(text);
    if (line !== undefined && 'progress' in line) onProgress(line.progress);
    if (line !== undefined && 'outcome' in line) outcome = { value: line.outcome };
  }
  return outcome;
}

/** A line cut short by the puller's death is none; the missing outcome is the error. */
function parseLine(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}

function programIn(release: string): string {
  const bundled = `${release}/berth-pull.mjs`;
  return existsSync(bundled) ? bundled : `${release}/berth-pull.ts`;
}

const proxySettings = (): Record<string, string> =>
  Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? '']])),
  );

/** The folder of the running program: a release folder, or `runtime/` of a checkout. */
export const releaseOf = (moduleUrl: string): string =>
  fileURLToPath(new URL('.', moduleUrl)).replace(/\/$/, '');
