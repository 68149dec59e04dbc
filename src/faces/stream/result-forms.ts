import { z } from 'zod';
import { host } from './event-forms.ts';
import { change, plan } from './plan-form.ts';

/* What came of a command, as lines of the stream. */

const texts = z.array(z.string()).readonly();
const count = z.number();

const generation = z.object({
  number: count,
  by: z.string().describe('who, and from where'),
  at: z.string().describe('when it began, by the clock of the host'),
  kind: z.enum(['apply', 'rollback']),
  to: count.optional().describe('of a rollback: the generation whose state it made again'),
  berth: z.string().optional().describe('version of berth'),
  profile: z.string().optional().describe('first digits of the digest of what the host followed'),
  changes: count.optional(),
  end: z.enum(['done', 'failed', 'stopped', 'cut']).describe('`cut`: nobody said how it ended'),
  guardFired: z.boolean().describe('the host undid guarded changes because nobody confirmed them'),
  verified: z.enum(['green', 'red']).optional(),
  red: texts.describe('checks that were red'),
  rolledBackBy: count.optional().describe('the rollback that undid it'),
});

const finding = z.object({
  code: z.string().describe('one of doctor.md'),
  name: z.string(),
  level: z.enum(['error', 'warning', 'info']),
  evidence: z.string(),
  why: z.string(),
  remedy: z.string(),
  fix: z.array(change).readonly().describe('what `--fix` does'),
});

const drift = z.object({
  id: z.string().describe('that of the change that puts it right'),
  kind: z.enum(['host', 'profile', 'conflict', 'foreign']).describe('who changed it'),
  summary: z.string(),
  reason: z.string().optional(),
  tag: z.string().optional(),
  diff: z.string().optional().describe('from what is on the host to what the profile says'),
  lastDiff: z.string().optional().describe('from what is on the host to what was applied last'),
});

const listedHost = z.object({
  host: z.string(),
  address: z.string().optional(),
  port: count.optional(),
  user: z.string().optional(),
  jump: texts.describe('jump hosts, the nearest first'),
  groups: texts,
  transport: z.enum(['ssh2', 'openssh', 'local']),
  because: texts.describe('why it is OpenSSH'),
  seen: z
    .object({
      os: z.string(),
      arch: z.string(),
      kernel: z.string(),
      berth: z.string().optional(),
      generation: count.optional(),
      milliseconds: count,
    })
    .optional()
    .describe('with `--check`: what the host said of itself'),
});

const saying = z.object({
  file: z.string(),
  line: count,
  column: count,
  path: z.string(),
  layer: z.string(),
  part: z.enum(['decides', 'variable', 'won over']),
  value: z.unknown(),
  written: z.string().optional().describe('as the file has it, where that names variables'),
});

const explainedFile = z.object({
  path: z.string(),
  lines: z.array(z.object({ number: count, text: z.string() })).readonly(),
  settings: texts,
  onHost: z.enum(['as rendered', 'differs', 'absent']).optional(),
});

const connectionStats = z.object({
  host: z.string(),
  address: z.string(),
  connection: z.object({
    roundTrips: count,
    channels: count,
    mostChannels: count,
    bytesSent: count,
    bytesReceived: count,
  }),
});

export const resultForms = [
  z.object({ kind: z.literal('plan'), plan }).describe('of `plan`, and of what asks before it changes'),
  z
    .object({
      kind: z.literal('verified'),
      host,
      ok: z.boolean().describe('no check is red'),
      checks: count.describe('how many were done'),
      red: texts.describe('their identifiers'),
      notRun: texts,
    })
    .describe('the verification of a host'),
  z.object({ kind: z.literal('drift'), host, drifts: z.array(drift).readonly() }).describe('of `drift`'),
  z
    .object({
      kind: z.literal('adoption'),
      edits: z.array(z.object({ file: z.string(), diff: z.string() })).readonly(),
      refused: z.array(z.object({ host: z.string(), why: z.string() })).readonly(),
      shared: z.array(z.object({ host: z.string(), path: z.string() })).readonly(),
      left: z.array(z.object({ host: z.string(), summary: z.string() })).readonly(),
    })
    .describe('of `drift --adopt`'),
  z
    .object({ kind: z.literal('findings'), host, findings: z.array(finding).readonly() })
    .describe('of `doctor`'),
  z
    .object({ kind: z.literal('generations'), host, generations: z.array(generation).readonly() })
    .describe('of `rollback --list`'),
  z.object({ kind: z.literal('hosts'), hosts: z.array(listedHost).readonly() }).describe('of `hosts`'),
  z
    .object({
      kind: z.literal('explained'),
      host,
      path: z.string(),
      value: z.unknown().describe('what counts'),
      sayings: z.array(saying).readonly().describe('the places that say it, the nearest first'),
      fallback: z.unknown().optional().describe('the default'),
      files: z.array(explainedFile).readonly(),
      deeds: texts.describe('what else is done to the host for its sake'),
      effective: texts.optional().describe('what counts on the host; absent: it was not asked'),
    })
    .describe('of `explain`'),
  z
    .object({ kind: z.literal('stats'), milliseconds: count, hosts: z.array(connectionStats).readonly() })
    .describe('with `--stats`'),
  z.object({ kind: z.literal('message'), text: z.string() }).describe('the outcome in a sentence'),
  z.object({ kind: z.literal('ended'), exitCode: count }).describe('the last line'),
] as const;
