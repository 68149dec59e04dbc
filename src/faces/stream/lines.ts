import { z } from 'zod';
import { eventForms } from './event-forms.ts';
import { resultForms } from './result-forms.ts';
import { streamVersion } from './version.ts';

const started = z
  .object({
    kind: z.literal('started'),
    version: z.literal(streamVersion).describe('of this format'),
    berth: z.string().describe('version of berth'),
    pid: z.number().optional().describe('in a log file'),
    arguments: z.array(z.string()).readonly().optional().describe('in a log file'),
  })
  .describe('the first line');

const crashed = z
  .object({ kind: z.literal('crashed'), message: z.string(), stack: z.string().optional() })
  .describe('in a log file: berth itself broke');

const forms = [started, ...eventForms, ...resultForms, crashed] as const;

/** Any line of `--json` and of `--log-file`, but for the time that a log file puts before it. */
export type Line = z.infer<(typeof forms)[number]>;

const time = z.iso.datetime().optional().describe('in a log file: when it was written');

/** Where the schema is meant to be found by its readers. */
const schemaAddress = 'https://berth.dev/v1/events.schema.json';

interface Form {
  readonly kind: string;
  readonly schema: z.core.JSONSchema.BaseSchema;
}

/** Each kind of line as JSON Schema. `strict`: keys that are not in it are wrong, as they are in a test of berth itself. */
export const lineForms = ({ strict }: { readonly strict: boolean }): readonly Form[] =>
  forms.map((form) => ({
    kind: form.shape.kind.value,
    schema: z.toJSONSchema(form.extend({ time }).describe(form.description ?? ''), {
      io: strict ? 'output' : 'input',
      target: 'draft-2020-12',
    }),
  }));

/** The JSON Schema (draft 2020-12) of a line. Readers ignore keys and kinds that they do not know: releases add some. */
export const linesSchemaText = (): string => {
  const oneOf = lineForms({ strict: false }).map(({ schema: { $schema: _, ...schema } }) => schema);
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: schemaAddress,
    title: 'A line of berth --json',
    oneOf,
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
};
