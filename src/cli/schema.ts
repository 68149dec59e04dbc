import { Command } from 'commander';
import { exitCodes } from './exit-codes.ts';

export const schemaCommand = (setExitCode: (code: number) => void): Command =>
  new Command('schema')
    .summary('print the JSON Schema of profiles')
    .description(
      'Prints the JSON Schema (draft 2020-12) of profiles, made from the types that check them. Editors complete\n' +
        'and check with it: a profile names it in its first line, as those in profiles/ do.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  berth schema > berth.schema.json\n\nand in the first line of a profile:\n  # yaml-language-server: $schema=berth.schema.json',
    )
    .action(async () => {
      const { schemaText } = await import('../profile/json-schema.ts');
      process.stdout.write(schemaText());
      setExitCode(exitCodes.done);
    });
