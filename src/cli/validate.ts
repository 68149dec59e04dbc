import { resolve } from 'node:path';
import { Command } from 'commander';
import { asFail } from '../core/as-fail.ts';
import { counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { Problem } from '../profile/problem.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { additionsOf, type ProfileOptions, withProfileOptions } from './options.ts';
import type { SummaryOptions } from './summary-file.ts';

interface ValidateOptions extends ProfileOptions, SummaryOptions {
  readonly json: boolean;
  /** Takes the problems as a Code Quality report. */
  readonly codeQuality?: string;
}

interface Validated {
  readonly exitCode: number;
  readonly problems: readonly Problem[];
}

const validateOne = async (file: string, face: Face, options: ProfileOptions): Promise<Validated> => {
  const [{ loadProfile }, { problemsOf }] = await Promise.all([
    import('../profile/load-profile.ts'),
    import('../profile/problem.ts'),
  ]);
  try {
    const profile = await loadProfile(file, additionsOf(options));
    face.message(`${file}: valid, ${counted(profile.hosts.length, 'host')}`);
    return { exitCode: exitCodes.done, problems: [] };
  } catch (error) {
    const fail = asFail(error);
    face.failure(fail);
    return { exitCode: exitCodeOf(fail), problems: problemsOf(fail) };
  }
};

const saveReport = async (path: string, problems: readonly Problem[]): Promise<void> => {
  const [{ codeQualityText }, { writeWhole }] = await Promise.all([
    import('../faces/ci/code-quality.ts'),
    import('./write-whole.ts'),
  ]);
  const absolute = problems.map((problem) => ({ ...problem, file: resolve(problem.file) }));
  await writeWhole(path, codeQualityText(absolute, process.env['CI_PROJECT_DIR'] ?? process.cwd()), 0o644);
};

const validate = async (files: readonly string[], options: ValidateOptions): Promise<number> => {
  const { withFace } = await import('./with-face.ts');
  const choice = { ...options, ci: true, verbose: false };
  return await withFace(choice, (face) => validateAll(face, files, options));
};

const validateAll = async (
  face: Face,
  files: readonly string[],
  options: ValidateOptions,
): Promise<number> => {
  const validated: Validated[] = [];
  // One after the other: the answers come in the order of the arguments.
  for (const file of files) validated.push(await validateOne(file, face, options));
  if (options.codeQuality !== undefined)
    await saveReport(
      options.codeQuality,
      validated.flatMap(({ problems }) => problems),
    );
  const exitCode = validated.findLast((one) => one.exitCode !== exitCodes.done)?.exitCode ?? exitCodes.done;
  face.end(exitCode);
  return exitCode;
};

export const validateCommand = (setExitCode: (code: number) => void): Command =>
  withProfileOptions(new Command('validate'))
    .summary('check profiles without touching any host')
    .description('Reads profiles and lists every problem at once, as file:line:column. No host is contacted.')
    .argument('<profile...>', 'YAML files that describe hosts')
    .option('--summary <file>', 'append what came of it to this file, as Markdown')
    .option('--code-quality <file>', 'write the problems to this file as GitLab reads them')
    .option('--json', 'print one JSON object a line', false)
    .addHelpText(
      'after',
      '\nExamples:\n  berth validate profiles/single-node.yaml\n  berth validate fleet.yaml --overlay production.yaml --set region=eu\n' +
        '  berth validate fleet.yaml --code-quality quality.json     in a pipeline',
    )
    .action(async (files: string[], options: ValidateOptions) => setExitCode(await validate(files, options)));
