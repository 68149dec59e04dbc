import { z } from 'zod';

/* A plan, as lines of the stream have it: resources/change.ts as JSON, secrets masked. */

const step = z
  .looseObject({
    kind: z.enum(['write', 'link', 'delete', 'copy', 'stage', 'run']),
    path: z.string().optional().describe('the file, of all kinds but `run`'),
    argv: z.array(z.string()).readonly().optional().describe('of `run`'),
    deadlineSeconds: z.number().optional().describe('of `run`'),
  })
  .describe('what is done; more keys say how');

const packageChange = z.object({
  name: z.string(),
  from: z.string().optional().describe('absent: it is not installed'),
  to: z.string().nullable().describe('null: known after apply'),
});

export const change = z.object({
  id: z.string().describe('unique in the host and the same in each plan, e.g. `file:/etc/crictl.yaml`'),
  action: z.enum([
    'create',
    'update',
    'delete',
    'install',
    'remove',
    'load',
    'set',
    'enable',
    'start',
    'restart',
    'upload',
  ]),
  summary: z.string().describe('in words'),
  reason: z.string().optional().describe('why, where the summary does not say it'),
  tag: z.string().optional().describe('the concern that it belongs to: what `--tags` selects by'),
  diff: z.string().optional().describe('unified, of files that hold text and no secret'),
  packages: z.array(packageChange).readonly().optional(),
  steps: z.array(step).readonly(),
  origins: z
    .array(z.looseObject({ kind: z.string() }))
    .readonly()
    .optional()
    .describe('kept for the way back'),
  makesStale: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('units that run with what was there before, from this change on'),
  refreshes: z.array(z.string()).readonly().optional().describe('units that no longer do'),
  bringsPackages: z.boolean().optional(),
  guarded: z.boolean().optional().describe('the host undoes it unless a new connection confirms it in time'),
  mayStay: z.literal(true).optional().describe('it is tried, and may have no effect yet'),
});

export const plan = z
  .object({
    version: z.literal(1),
    profile: z.string().describe('file of the profile'),
    hosts: z
      .array(
        z.object({
          host: z.string(),
          changes: z.array(change).readonly(),
          notes: z.array(z.string()).readonly().describe('what is worth saying and changes nothing'),
          otherTags: z.number().optional().describe('changes pending under other tags than those asked for'),
        }),
      )
      .readonly(),
  })
  .describe('what would be changed, by host');
