import { Command } from 'commander';
import { Fail } from '../core/fail.ts';
import { counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import type { Examination } from '../flows/doctor.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type ChangeOptions, withChangeOptions } from './options.ts';
import type { Subject } from './run-command.ts';

interface DoctorOptions extends ChangeOptions {
  readonly fix: boolean;
}

/** What is only worth knowing is told, and is nothing to act on. */
const trouble = ({ findings }: Examination) =>
  [...findings.values()].flat().filter(({ level }) => level !== 'info');

const conclude = (examination: Examination, hosts: number, face: Face): number => {
  const failed = exitCodeOfFailures(examination.failures, hosts, face, examination.notBegun);
  if (failed) return failed;
  const left = trouble(examination);
  if (left.length === 0) {
    face.message('No known cause of trouble was found.');
    return exitCodes.done;
  }
  const fixable = left.filter(({ fix }) => fix.length > 0).length;
  const which = fixable === left.length ? '' : `For ${fixable} of them there`;
  const offer = fixable === 0 ? '' : ` ${which || 'There'} is a fix: berth doctor --fix.`;
  face.message(`Found ${counted(left.length, 'cause')} of trouble.${offer}`);
  return exitCodes.changesPending;
};

const examine = async (context: FlowContext, face: Face): Promise<number> => {
  const { examineHosts } = await import('../flows/doctor.ts');
  const examination = await examineHosts(context);
  face.findings(examination.findings);
  return conclude(examination, context.hosts.length, face);
};

const mend = async (context: FlowContext, face: Face, options: DoctorOptions): Promise<number> => {
  requireConsentPossible(options);
  const { mendHosts } = await import('../flows/doctor.ts');
  const mended = await mendHosts(context, {
    confirm: (plan) => consent(plan, 'Mend this?', options, face, context.signal),
  });
  face.findings(mended.findings);
  return conclude(mended, context.hosts.length, face);
};

/** Options of a change mean nothing where nothing is changed: who gives one believes that something is. */
const requireFix = ({ fix, check, yes, lockTimeout }: DoctorOptions): void => {
  const [idle] = [
    ...(check ? ['--check'] : []),
    ...(yes ? ['--yes'] : []),
    ...(lockTimeout === undefined ? [] : ['--lock-timeout']),
  ];
  if (fix || idle === undefined) return;
  throw new Fail('BadUsage', `berth doctor changes nothing without --fix, so ${idle} means nothing`, {
    hint: `Give --fix as well, or leave ${idle} out.`,
  });
};

const doctor = async (file: string, options: DoctorOptions): Promise<number> => {
  const { runOnHosts } = await import('./run-command.ts');
  const subject = async (): Promise<Subject> => {
    requireFix(options);
    return { profile: file };
  };
  return await runOnHosts(subject, options, (context, face) =>
    options.fix ? mend(context, face, options) : examine(context, face),
  );
};

export const doctorCommand = (setExitCode: (code: number) => void): Command =>
  withChangeOptions(new Command('doctor'))
    .option('--fix', 'mend what can be mended without harm; reset undoes it', false)
    .summary('name known causes of trouble')
    .description(
      'Looks for known causes of trouble: foreign configuration, packet filters,\n' +
        'clocks, cgroups, kernel, packages. Each has a code that stays, what was seen,\n' +
        'why it hurts and a remedy; docs/doctor.md lists them. Changes nothing, unless\n' +
        '--fix is given: then the fixes are shown as a plan, confirmed, journalled, and\n' +
        'undone by reset. Exits with 0 when there is nothing to act on and with 2 when\n' +
        'there are findings.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth doctor profiles/single-node.yaml\n  berth doctor fleet.yaml --json\n' +
        '  berth doctor fleet.yaml --hosts node-1 --fix',
    )
    .action(async (file: string, options: DoctorOptions) => setExitCode(await doctor(file, options)));
