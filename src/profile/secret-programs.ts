import { access } from 'node:fs/promises';
import { type CommandOptions, type Ended, runCommand } from '../core/command.ts';
import { Fail } from '../core/fail.ts';
import type { SecretSource } from './profile.ts';

type ProgramSource = Extract<SecretSource, { readonly kind: 'command' | 'age' | 'sops' }>;

/** Longer than a key service takes to answer, shorter than a person waits for one that does not. */
const deadlineSeconds = 60;

interface Program {
  readonly argv: readonly string[];
  /** What it reads, for messages: never what it answers. */
  readonly from: string;
  /** How it gets onto a machine that lacks it. */
  readonly install: string;
  readonly remedy: string;
  readonly cwd?: string;
}

const programOf = (source: ProgramSource): Program => {
  switch (source.kind) {
    case 'command':
      return {
        argv: source.argv,
        from: `the output of ${source.argv[0]}`,
        install: 'install it, or name it by its whole path',
        remedy: `run it by hand in ${source.folder}`,
        cwd: source.folder,
      };
    case 'age':
      return {
        argv: ['age', '--decrypt', '--identity', source.identity, source.path],
        from: source.path,
        install: 'install age (the package is called age nearly everywhere)',
        remedy: `see whether ${source.identity} is an identity that the file was encrypted for`,
      };
    case 'sops':
      return {
        argv: ['sops', '--decrypt', '--extract', extracted(source.key), source.path],
        from: `${source.key} in ${source.path}`,
        install: 'install sops from https://github.com/getsops/sops/releases',
        remedy: `see what sops --decrypt ${source.path} says on this machine`,
      };
  }
};

/** sops names a value as Python would: `["registries"][0]["password"]`. */
const extracted = (key: string): string =>
  key
    .split('.')
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `[${JSON.stringify(part)}]`))
    .join('');

/**
 * A secret that a program of this machine gives out. `what` says what it is for.
 * @throws Fail `BadUsage` naming the program, what it reads and the remedy; `DeadlineExceeded` after a minute.
 */
export const secretFromProgram = async (
  source: ProgramSource,
  what: string,
  signal: AbortSignal,
): Promise<string> => {
  const program = programOf(source);
  await requireFiles(source, what);
  const options: CommandOptions = {
    signal,
    deadlineSeconds,
    ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
  };
  const ended = await runCommand(program.argv, options).catch((error: unknown) => {
    throw error instanceof Fail && error.code === 'DeadlineExceeded' ? tooLong(program, what) : error;
  });
  if (ended.exitCode !== 0) throw refused(program, what, ended);
  const value = ended.stdout.replace(/\r?\n$/, '');
  if (value !== '') return value;
  throw new Fail('BadUsage', `${what}: ${program.from} is empty`, { hint: program.remedy });
};

const requireFiles = async (source: ProgramSource, what: string): Promise<void> => {
  const files = source.kind === 'age' ? [source.path, source.identity] : [];
  for (const path of source.kind === 'sops' ? [source.path] : files) {
    await access(path).catch((cause: unknown) => {
      throw new Fail('BadUsage', `${what}: ${path}, which it is decrypted from or with, cannot be read`, {
        cause,
      });
    });
  }
};

const tooLong = ({ argv, from }: Program, what: string): Fail =>
  new Fail('DeadlineExceeded', `${what}: ${argv[0]} did not give out ${from} within ${deadlineSeconds} s`, {
    hint: 'a program that wants to ask something has nobody to ask here: let it do without',
  });

/** What a program says of its failure goes to its standard error; its standard output could hold the secret. */
const refused = (program: Program, what: string, { exitCode, stderr }: Ended): Fail => {
  const name = program.argv[0] ?? '';
  // The exit code of a shell that does not find the program.
  if (exitCode === 127)
    return new Fail('BadUsage', `${what}: ${name}, which gives out ${program.from}, is not on this machine`, {
      hint: program.install,
    });
  const said = stderr.trim().split('\n').slice(-3).join('; ');
  return new Fail(
    'BadUsage',
    `${what}: ${name} does not give out ${program.from}: exit code ${exitCode ?? 'none'}${said === '' ? '' : `: ${said}`}`,
    { hint: program.remedy },
  );
};
