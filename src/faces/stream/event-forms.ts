import { z } from 'zod';

/* What happens while a command runs, as lines of the stream: core/events.ts as JSON. */

/** The profile's name of the host. */
export const host = z.string().describe('name of the host in the profile');
export const milliseconds = z.number().describe('how long it took');

const phase = z
  .enum(['connect', 'probe', 'plan', 'prepare', 'apply', 'verify', 'rollback', 'reset'])
  .describe('what the host is at');

const id = z.string().describe('of the step or check; unique in the host');

const grade = z.enum(['smoke', 'node', 'full', 'reboot']);

const check = z
  .object({
    id: z.string().describe('stays the same from release to release, e.g. `redis.exec`'),
    title: z.string().describe('what was checked'),
    grade: grade.optional().describe('the level that asks for it'),
    ok: z.boolean().describe('green'),
    notRun: z.literal(true).optional().describe('it would have meant nothing: neither green nor red'),
    milliseconds,
    detail: z.string().describe('what was seen'),
    evidence: z
      .array(z.object({ title: z.string(), text: z.string() }))
      .readonly()
      .optional()
      .describe('outputs that show it'),
    remedy: z
      .string()
      .optional()
      .describe('of a red check the likely remedy; of a green one what it warns of'),
  })
  .describe('one check of the verification');

const error = z
  .object({
    code: z.string().describe('one of errors.md'),
    message: z.string().describe('what failed, and where'),
    hint: z.string().optional().describe('what can be done about it'),
    context: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        'facts; of `BadProfile` the list `problems` with `file`, `line`, `column`, `message`, `frame`',
      ),
    argv: z.array(z.string()).readonly().optional().describe('of `CommandFailed`: what was run'),
    exitCode: z.number().nullable().optional().describe('its exit code; null: a signal ended it'),
    stdout: z.string().optional(),
    stderr: z.string().optional(),
  })
  .describe('why');

const failed = z.boolean().describe('it did not go well; a line `failed` says why');

export const eventForms = [
  z
    .object({
      kind: z.literal('run-started'),
      profile: z.string().describe('file of the profile'),
      hosts: z.array(z.string()).readonly().describe('names of all hosts of the run'),
    })
    .describe('what the run is about; hosts that are not begun yet have no other line'),
  z
    .object({
      kind: z.literal('phase-started'),
      host,
      phase,
      total: z.number().optional().describe('steps, where that is known'),
      grades: z.array(grade).readonly().optional().describe('of a verification: those of its checks'),
    })
    .describe('a host begins something'),
  z.object({ kind: z.literal('phase-ended'), host, phase, milliseconds, failed }).describe('and ends it'),
  z
    .object({ kind: z.literal('step-started'), host, phase, id, title: z.string().describe('in words') })
    .describe('a change, or an artifact that is made ready'),
  z
    .object({
      kind: z.literal('step-ended'),
      host,
      phase,
      id,
      milliseconds,
      failed,
      detail: z.string().optional().describe('what there is to say about it'),
      code: z.string().optional().describe('of a change that failed: one of errors.md'),
    })
    .describe('and its end'),
  z
    .object({
      kind: z.literal('command'),
      host,
      phase,
      id,
      command: z.string().describe('as one would type it, without secrets'),
    })
    .describe('what the host runs from now on'),
  z
    .object({ kind: z.literal('command-ended'), host, phase, id })
    .describe('and that it is over, where its check is told later or not at all'),
  z
    .object({
      kind: z.literal('bytes'),
      host,
      id: z.string().describe('of the step or check, or the address of a download'),
      done: z.number(),
      total: z.number(),
    })
    .describe('bytes of an upload, a download or the pull of an image'),
  z
    .object({
      kind: z.literal('note'),
      level: z.enum(['debug', 'info', 'warn']),
      host: host.optional(),
      message: z.string(),
    })
    .describe('something worth saying'),
  z.object({ kind: z.literal('checked'), host, check }).describe('a check that is done'),
  z.object({ kind: z.literal('failed'), host: host.optional(), error }).describe('a failure, told once'),
] as const;
