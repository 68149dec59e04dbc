import { Command } from 'commander';
import { asProduction } from '../faces/as-production.ts';

export const initCommand = (setExitCode: (code: number) => void): Command =>
  new Command('init')
    .summary('make or change a profile, asking for what it needs')
    .description(
      'A wizard: where the hosts are, whether they answer, what runs on them, which network pods get,\n' +
        'where images come from, Kubernetes or not. The profile that it writes is seen beside every question;\n' +
        'it ends with the plan, and asks before anything is changed.\n\n' +
        'A profile that is there is edited: its comments and its order stay. Nothing is written before the end.\n\n' +
        'berth without arguments does the same on a terminal. INK_SCREEN_READER=true makes it speak in\n' +
        'sentences, for screen readers; NO_COLOR is honoured.',
    )
    .argument('[profile]', 'YAML file to make or to change', 'berth.yaml')
    .addHelpText('after', '\nExamples:\n  berth init\n  berth init fleet.yaml')
    .action(async (file: string) => {
      // The wizard is drawn by React.
      const { init } = await asProduction(() => import('./init-run.ts'));
      setExitCode(await init(file));
    });
