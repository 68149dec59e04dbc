/** The closed set of failures; `cli/exit-codes.ts` is the one place that turns them into exit codes. */
export type FailCode =
  | 'BadProfile'
  | 'BadUsage'
  | 'Unreachable'
  | 'HostKeyUnknown'
  | 'HostKeyChanged'
  | 'AuthenticationFailed'
  | 'NoSudo'
  | 'Unsupported'
  | 'Locked'
  | 'DiskFull'
  | 'PackageLock'
  | 'ChecksumMismatch'
  | 'NotLocked'
  | 'Fetch'
  | 'CloudRefused'
  | 'CommandFailed'
  | 'ConnectionLost'
  | 'HostMoved'
  | 'VerifyFailed'
  | 'RolledBack'
  | 'DeadlineExceeded'
  | 'Cancelled'
  | 'Internal';

export interface FailDetails {
  /** What the reader can do about it, as an imperative sentence. */
  readonly hint?: string;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error of the installer: what failed, on which host, and the remedy. */
export class Fail extends Error {
  override readonly name: string = 'Fail';
  readonly code: FailCode;
  readonly hint: string | undefined;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: FailCode, message: string, details: FailDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.context = details.context ?? {};
  }
}

/** A command that ran and said no: what was run, where, and what it printed. */
export class CommandFailed extends Fail {
  override readonly name = 'CommandFailed';
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    message: string,
    run: { argv: readonly string[]; exitCode: number | undefined; stdout: string; stderr: string },
    details: FailDetails = {},
  ) {
    super('CommandFailed', message, details);
    this.argv = run.argv;
    this.exitCode = run.exitCode;
    this.stdout = run.stdout;
    this.stderr = run.stderr;
  }
}
