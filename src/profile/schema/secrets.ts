import { z } from 'zod';
import { oneValue } from '../known-keys.ts';
import { variableName } from '../variables.ts';
import { file, plainAddress, section, text } from './values.ts';

/* Values that stand elsewhere, and variables. */

export const environmentName = text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of an environment variable');

/** Ways to a value that does not stand in the profile. */
export const sources = {
  env: environmentName
    .meta({ description: 'Name of an environment variable on the machine that runs berth.' })
    .optional(),
  file: file
    .meta({ description: 'File that holds the value and nothing else; a final newline is dropped.' })
    .optional(),
  prompt: z.literal(true).meta({ description: 'Ask on the terminal, without echo.' }).optional(),
  command: z
    .array(z.string())
    .min(1)
    .meta({
      description:
        'Program and arguments; its standard output is the value, a final newline is dropped. It runs on this machine, without a shell, for at most a minute.',
    })
    .optional(),
  age: file
    .meta({
      description: 'File encrypted by age; decrypted by the age program of this machine, with identity.',
    })
    .optional(),
  identity: file.meta({ description: 'age identity that decrypts the file.' }).optional(),
  sops: section(
    {
      file: file.meta({ description: 'File encrypted by SOPS.' }),
      key: text(/^[^\s.]+(?:\.[^\s.]+)*$/, 'is no path of keys such as registries.password').meta({
        description: 'The value within the file: keys with dots between them, numbers for entries of lists.',
      }),
    },
    'A value in a file encrypted by SOPS; decrypted by the sops program of this machine.',
  ).optional(),
};

export const sourceKinds = ['env', 'file', 'prompt', 'command', 'age', 'sops'] as const;

/** What is wrong with the keys of a source; undefined: nothing. */
export const sourceProblem = (form: Readonly<Record<string, unknown>>): string | undefined => {
  if (sourceKinds.filter((kind) => form[kind] !== undefined).length !== 1)
    return 'name exactly one source: env, file, prompt, command, age or sops';
  if ((form['age'] === undefined) === (form['identity'] === undefined)) return undefined;
  return form['age'] === undefined ? 'identity belongs to age' : 'age needs identity: FILE beside it';
};

export const secret = oneValue(
  z
    .strictObject(sources, {
      // The value that stands there may be the secret itself: it is never repeated.
      error: ({ code }) =>
        code === 'invalid_type'
          ? 'a secret does not belong in a profile; name where it comes from, as in { env: NAME }, { file: PATH } or { prompt: true }'
          : undefined,
    })
    .check((context) => {
      const message = sourceProblem(context.value);
      if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
    }),
);

/** With a login it is a secret, wherever it comes from. */
export const proxyAddress = z.union([plainAddress, secret], {
  error: ({ input }) =>
    typeof input === 'object' && input !== null && !Array.isArray(input)
      ? undefined
      : 'a proxy is an address as in http://proxy.example:3128, or where it comes from, as in { env: NAME }',
});

export const declared = oneValue(
  z
    .strictObject({
      ...sources,
      secret: z
        .literal(false)
        .meta({
          description:
            'The value of env, file or command is no secret, and may stand anywhere. Without it, it is one.',
        })
        .optional(),
    })
    .check((context) => {
      const { value } = context;
      const open = value.env !== undefined || value.file !== undefined || value.command !== undefined;
      const message =
        sourceProblem(value) ??
        (value.secret === false && !open
          ? 'only what env, file or command give can be other than secret'
          : undefined);
      if (message !== undefined) context.issues.push({ code: 'custom', message, input: value });
    }),
);

export const vars = z.record(
  text(variableName, 'is no name of a variable: letters, digits, _ and -, the first no digit'),
  z.union([z.string(), z.number(), z.boolean(), declared], {
    error: ({ input }) =>
      typeof input === 'object' && input !== null && !Array.isArray(input)
        ? undefined
        : 'a variable is a text, a number, true or false, or where its value comes from, as in { env: NAME }',
  }),
);
