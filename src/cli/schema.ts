import { Argument, Command } from 'commander';
import { exitCodes } from './exit-codes.ts';

const texts: Readonly<Record<string, () => Promise<string>>> = {
  profile: async () => (await import('../profile/json-schema.ts')).schemaText(),
  events: async () => (await import('../faces/stream/lines.ts')).linesSchemaText(),
};

export const schemaCommand = (setExitCode: (code: number) => void): Command =>
  new Command('schema')
    .summary('print the JSON Schema of profiles, or of what --json prints')
    .description(
      'Prints a JSON Schema (draft 2020-12), made from the types that berth works with.\n\n' +
        '  profile  of profiles. Editors complete and check with it: a profile\n' +
        '           names it in its first line, as those in profiles/ do\n' +
        '  events   of each line of --json and of --log-file;\n' +
        '           docs/events.md has it as text',
    )
    .addArgument(
      new Argument('[what]', 'what it is the schema of').choices(Object.keys(texts)).default('profile'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth schema > berth.schema.json\n  berth schema events > events.schema.json\n\nand in the first line of a profile:\n  # yaml-language-server: $schema=berth.schema.json',
    )
    .action(async (what: string) => {
      process.stdout.write((await texts[what]?.()) ?? '');
      setExitCode(exitCodes.done);
    });
