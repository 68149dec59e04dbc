import { readFileSync } from 'node:fs';
import { makeProgram } from '../../src/cli/program.ts';
import { linesSchemaText } from '../../src/faces/stream/lines.ts';
import { crioConfPage } from './crio-conf-page.ts';
import { errorsPage } from './errors-page.ts';
import { eventsPage } from './events-page.ts';
import { manPage } from './man-page.ts';

/** Every file below docs/ that is made from the program, by its path in the repository. */
export const generatedFiles = async (): Promise<ReadonlyMap<string, string>> => {
  const program = await makeProgram(() => undefined);
  const crioConf = readFileSync(new URL('../../docs/crio-conf.md', import.meta.url), 'utf8');
  return new Map([
    ['docs/man/berth.1', manPage(program)],
    ['docs/errors.md', errorsPage()],
    ['docs/events.md', eventsPage()],
    ['docs/events.schema.json', linesSchemaText()],
    ['docs/crio-conf.md', await crioConfPage(crioConf)],
  ]);
};
