import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import { Fail } from '../../core/fail.ts';
import { encodeLine, quote } from '../quote.ts';
import type { RemoteProcess } from './connection.ts';
import { interrupted } from './interrupted.ts';

/**
 * How a login becomes a root shell that runs our script, over any pair of streams.
 *
 * The command that the login shell sees is fixed, short and free of anything that csh or fish read
 * differently: it starts /bin/sh, which takes one line from its standard input, the bootstrap. The
 * bootstrap becomes root and takes the script from the next lines; what follows on standard input is the
 * script's own. `read` never takes more than its line (POSIX), so nothing is lost on the way. Neither
 * the script nor the sudo password is ever in an argv, and sudo's log stays short.
 *
 * Markers on standard output tell how far it came. What a login shell prints before the last of them
 * (banners, a chatty .bashrc) is dropped.
 */
export interface Become {
  readonly sudo: boolean;
  /** Reads sudo's password; undefined when sudo must do without. */
  readonly password: (() => Promise<string>) | undefined;
  /** Set once the password was seen to work: later commands send it ahead and save a round trip. */
  proven: boolean;
}

/** The started login command with its raw streams. `ended` rejects when the connection dropped. */
export interface RawProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }>;
  /** Ends our side of it, whatever state it is in. */
  abandon(): void;
}

const sudoIsMissing = 90;
const sudoIsOff = 92;

/** Noise before the script's first byte of output that is tolerated, in bytes. */
const noiseLimit = 1024 * 1024;

/** A login shell that has not run our command by then runs something else, such as a forced command that waits for input. */
const loginMs = 60_000;

export class RootShell {
  readonly #host: string;
  readonly #become: Become;
  readonly #onWait: () => void;
  readonly #mark = `berth-${randomBytes(8).toString('hex')}`;

  constructor(host: string, become: Become, onWait: () => void) {
    this.#host = host;
    this.#become = become;
    this.#onWait = onWait;
  }

  /** What the login shell is told to run. */
  loginCommand(): string {
    return `exec /bin/sh -c 'echo ${this.#mark}-login; read -r b; eval "$b"'`;
  }

  async enter(raw: RawProcess, script: string, signal: AbortSignal): Promise<RemoteProcess> {
    const stdout = new AfterMarker(`${this.#mark}-root\n`, this.#host);
    const stderr = new PromptFilter(`${this.#mark}-password`);
    raw.stdout.pipe(stdout);
    raw.stderr.pipe(stderr);
    const exited = this.#watch(raw, stdout, stderr, signal);
    // The caller sees the rejection too; this keeps one that comes before it looks from being unhandled.
    exited.catch(() => {});
    raw.stdin.write(`${this.#bootstrap()}\n`);
    if (this.#become.password !== undefined) await this.#giveSudoPassword(raw, stdout, stderr, exited);
    raw.stdin.write(`${this.#mark}:${encodeLine(script)}\n`);
    return { stdin: raw.stdin, stdout, stderr, exited };
  }

  #bootstrap(): string {
    const asRoot = quote(
      `printf "%s\\n" ${this.#mark}-root; ` +
        `export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/opt/berth/bin"; unset CDPATH; umask 022; cd /; ` +
        `while IFS= read -r s; do case "$s" in ${this.#mark}:*) eval "$(printf %b "\${s#*:}")"; exit $?;; esac; done; exit 93`,
    );
    const elevate = this.#become.sudo
      ? `command -v sudo >/dev/null 2>&1 || exit ${sudoIsMissing}; exec sudo ${this.#sudoFlags()} -- /bin/sh -c ${asRoot}`
      : `exit ${sudoIsOff}`;
    return `if [ "$(id -u)" = 0 ]; then exec /bin/sh -c ${asRoot}; fi; ${elevate}`;
  }

  #sudoFlags(): string {
    return this.#become.password === undefined ? '-n' : `-S -p ${this.#mark}-password`;
  }

  /**
   * sudo asks for its password only when it wants one, and takes the next line, whatever it is, after a
   * wrong one. So the script is held back until sudo let us through; with a proven password it goes ahead,
   * and a line that sudo did not ask for is skipped by the reading loop of the bootstrap.
   */
  async #giveSudoPassword(
    raw: RawProcess,
    stdout: AfterMarker,
    stderr: PromptFilter,
    exited: Promise<unknown>,
  ): Promise<void> {
    const { password } = this.#become;
    if (password === undefined) return;
    if (this.#become.proven) {
      raw.stdin.write(`${await password()}\n`);
      return;
    }
    stderr.onPrompt = (count) => {
      // A second question means that the first answer was wrong.
      if (count > 1) raw.stdin.end();
      else
        password().then(
          (secret) => raw.stdin.write(`${secret}\n`),
          () => raw.stdin.end(),
        );
    };
    this.#onWait();
    await Promise.race([stdout.reached, exited]);
    if (stderr.prompts > 0) this.#onWait();
    this.#become.proven = true;
  }

  async #watch(raw: RawProcess, stdout: AfterMarker, stderr: PromptFilter, signal: AbortSignal) {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => {
      reject(interrupted(signal, `${this.#host}: remote command`));
      raw.abandon();
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const patience = setTimeout(() => {
      if (stdout.found || stdout.saw(`${this.#mark}-login`)) return;
      reject(this.#neverRan(stdout.noise()));
    }, loginMs);
    try {
      const end = await Promise.race([raw.ended, stdout.tooNoisy, aborted]);
      if (!stdout.found) await finished(stdout, { readable: false });
      if (!stdout.found) throw this.#notRoot(end.exitCode, stdout, stderr);
      return end;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      stdout.destroy();
      stderr.destroy();
      raw.abandon();
      throw failure;
    } finally {
      clearTimeout(patience);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #neverRan(noise: string): Fail {
    const said = noise.trim() === '' ? '' : `; it printed: ${noise.trim().slice(0, 200)}`;
    return new Fail(
      'DeadlineExceeded',
      `${this.#host}: the login shell did not run a command within ${loginMs / 1000} s${said}`,
      { hint: 'Look for a ForceCommand in sshd_config, and for a start file of the login shell that waits.' },
    );
  }

  #notRoot(exitCode: number | undefined, stdout: AfterMarker, stderr: PromptFilter): Fail {
    const said = (stderr.head() || stdout.noise()).trim();
    const context = { exitCode, printed: said };
    if (!stdout.saw(`${this.#mark}-login`)) {
      return new Fail(
        'Unsupported',
        `${this.#host}: the login shell ended before it ran a command: ${said}`,
        {
          hint: 'Let the login shell run commands without a terminal: look for an exit in its start files, a restricted shell, or a ForceCommand in sshd_config.',
          context,
        },
      );
    }
    if (exitCode === sudoIsMissing) {
      return new Fail('NoSudo', `${this.#host}: the login user is not root and sudo is not installed`, {
        hint: 'Install sudo, or log in as root with ssh.user: root.',
        context,
      });
    }
    if (exitCode === sudoIsOff) {
      return new Fail(
        'NoSudo',
        `${this.#host}: the login user is not root and the profile says sudo: false`,
        {
          hint: 'Set sudo: true, or log in as root with ssh.user: root.',
          context,
        },
      );
    }
    const wrong = stderr.prompts > 1;
    return new Fail(
      'NoSudo',
      `${this.#host}: sudo did not make us root${wrong ? ', it refused the password' : ''}: ${said || `exit code ${exitCode}`}`,
      {
        hint: wrong
          ? 'Check the value that sudoPassword names.'
          : 'Allow the user in sudoers (NOPASSWD, and no requiretty), or give sudoPassword in the profile.',
        context,
      },
    );
  }
}

/** Passes on what follows the marker; keeps what came before for messages. */
class AfterMarker extends Transform {
  found = false;
  readonly reached: Promise<void>;
  readonly tooNoisy: Promise<never>;
  readonly #host: string;
  readonly #marker: Buffer;
  readonly #announce: () => void;
  readonly #complain: (error: Fail) => void;
  #before = Buffer.alloc(0);

  constructor(marker: string, host: string) {
    super();
    this.#host = host;
    this.#marker = Buffer.from(marker);
    const reached = Promise.withResolvers<void>();
    const tooNoisy = Promise.withResolvers<never>();
    this.reached = reached.promise;
    this.tooNoisy = tooNoisy.promise;
    this.#announce = () => reached.resolve();
    this.#complain = (error) => tooNoisy.reject(error);
    tooNoisy.promise.catch(() => {});
  }

  /** Whether `text` came before the marker. */
  saw(text: string): boolean {
    return this.#before.includes(text);
  }

  noise(): string {
    return this.#before.toString('utf8', 0, 4096);
  }

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.found) this.push(chunk);
    else this.#search(chunk);
    done();
  }

  #search(chunk: Buffer): void {
    const seen = Buffer.concat([this.#before, chunk]);
    const at = seen.indexOf(this.#marker);
    this.#before = seen;
    if (at >= 0) {
      this.found = true;
      this.#announce();
      this.push(seen.subarray(at + this.#marker.length));
    } else if (seen.length > noiseLimit) {
      this.#complain(
        new Fail(
          'Unsupported',
          `${this.#host}: the login shell prints without end before it runs a command`,
          {
            hint: 'Look for a program that never ends in the start files of the login shell.',
          },
        ),
      );
    }
  }
}

/** Takes sudo's own question out of standard error and counts it; keeps the beginning for messages. */
class PromptFilter extends Transform {
  prompts = 0;
  onPrompt: (count: number) => void = () => {};
  readonly #prompt: string;
  #head = '';

  constructor(prompt: string) {
    super();
    this.#prompt = prompt;
  }

  head(): string {
    return this.#head;
  }

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    // sudo writes its question in one piece, and only before the script runs.
    const pieces = chunk.toString('latin1').split(this.#prompt);
    for (let index = 1; index < pieces.length; index += 1) {
      this.prompts += 1;
      this.onPrompt(this.prompts);
    }
    const rest = Buffer.from(pieces.join(''), 'latin1');
    if (this.#head.length < 4096) this.#head += rest.toString('utf8');
    if (rest.length > 0) this.push(rest);
    done();
  }
}
