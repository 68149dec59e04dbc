import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { lineForms } from '../../src/faces/stream/lines.ts';

// ajv-formats is not needed for one format.
const ajv = new Ajv2020({
  allErrors: true,
  formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ },
});

const readers = new Map(lineForms({ strict: true }).map(({ kind, schema }) => [kind, ajv.compile(schema)]));

export interface StreamLine {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** The lines of a stream, each checked to be exactly what is documented: no key too few and none too many. */
export const readStream = (text: string): readonly StreamLine[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const form: unknown = JSON.parse(line);
      assert.ok(typeof form === 'object' && form !== null && 'kind' in form, line);
      const reader = readers.get(String(form.kind));
      assert.ok(reader, `lines of the kind ${form.kind} are not documented`);
      assert.ok(reader(form), `${line}\n${ajv.errorsText(reader.errors)}`);
      return form as StreamLine;
    });
