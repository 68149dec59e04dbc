import { createHash } from 'node:crypto';
import { encodeLine, quoteAll } from '../quote.ts';
import { compressFile, type Encoding, readChecked } from './compress.ts';
import type { Content, Origin, Step, Work } from './step.ts';

/** Part of the apply stream: a command for the host's shell, and the bytes that it takes from right behind its line. */
export type Part = string | Sent;

interface Sent {
  readonly command: string;
  readonly bytes: Buffer;
  /** Bytes of the content; fewer are sent where it is compressed on the way. */
  readonly size: number;
}

/**
 * The parts of one piece of work, in order; large contents are read only when their turn comes.
 * `guards` is false where nothing is noted that a guard could put back.
 */
export async function* encodeWork(
  work: Work,
  { guards, encoding }: { readonly guards: boolean; readonly encoding: Encoding },
): AsyncGenerator<Part> {
  if (guards && work.guarded) yield command('begin', work.id, String(secondsOf(work)));
  else yield command('begin', work.id);
  if (work.bringsPackages) yield command('packages_will_change');
  for (const origin of work.origins ?? [])
    yield command(origin.kind === 'loaded' ? 'record' : 'note', ...originFields(origin));
  const disturbed = new Set([...(work.makesStale ?? []), ...(work.refreshes ?? [])]);
  for (const unit of disturbed) yield command('disturb', unit);
  for (const unit of work.makesStale ?? []) yield command('stale', unit);
  for (const [index, step] of work.steps.entries()) {
    yield `step=${index}\n`;
    yield* encodeStep(step, encoding);
  }
  if (work.bringsPackages) yield command('note_new_packages');
  for (const unit of work.refreshes ?? []) yield command('fresh', unit);
  yield command('finish');
}

/** The longest that its commands may take; one that needs a lock has its time once for the wait and once for itself. */
export const secondsOf = ({ steps }: Work): number =>
  steps.reduce((sum, step) => sum + (step.kind === 'run' ? longestOf(step) : 0), 0);

type RunStep = Extract<Step, { kind: 'run' }>;

const longestOf = ({ deadlineSeconds, locks }: RunStep): number =>
  deadlineSeconds * (locks === undefined ? 1 : 2);

export const command = (...words: readonly string[]): string => `${encodeLine(quoteAll(words))}\n`;

function originFields(origin: Origin): string[] {
  switch (origin.kind) {
    case 'unit':
      return ['unit', origin.name, origin.fileState || '-', origin.activeState];
    case 'sysctl':
      return ['sysctl', origin.key, origin.value];
    case 'module':
    case 'interface':
    case 'fix':
    case 'lines':
    case 'loaded':
      return [origin.kind, origin.name];
    case 'undo':
      return ['undo', origin.name, Buffer.from(quoteAll(origin.argv)).toString('base64')];
  }
}

async function* encodeStep(step: Step, encoding: Encoding): AsyncGenerator<Part> {
  switch (step.kind) {
    case 'write':
      yield* encodeWrite(step, encoding);
      return;
    case 'link':
      yield command('link', step.path, step.target);
      return;
    case 'delete':
      yield step.recursive
        ? command('remove', step.path, step.recursive === 'kept' ? 'kept' : 'recursive')
        : command('remove', step.path);
      return;
    case 'copy':
      yield command('copy', step.from, step.path, octal(step.mode), step.owner ?? '0:0', step.sha256);
      return;
    case 'stage':
      yield* encodeStage(step.path, step.content);
      return;
    case 'run':
      yield* encodeRun(step);
  }
}

/** `env` sets what may be seen by who lists processes; what may not the shell itself hands on. */
function* encodeRun({ env = {}, argv, deadlineSeconds, locks = [] }: RunStep): Generator<Part> {
  const entries = Object.entries(env);
  const open = entries.flatMap(([name, value]) => (typeof value === 'string' ? [`${name}=${value}`] : []));
  const secrets = entries.flatMap(([name, value]) =>
    typeof value === 'string' ? [] : [[name, value] as const],
  );
  for (const [name, value] of secrets) yield command('export', `${name}=${value.reveal()}`);
  const words = open.length === 0 ? argv : ['env', ...open, ...argv];
  yield command('perform', String(deadlineSeconds), locks.join(' '), ...words);
  for (const [name] of secrets) yield command('unset', name);
}

async function* encodeWrite(
  { path, mode, content }: Extract<Step, { kind: 'write' }>,
  encoding: Encoding,
): AsyncGenerator<Part> {
  if (content.kind !== 'local-file') {
    const bytes = bytesIn(content);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const put = command(
      'put',
      path,
      octal(mode),
      String(bytes.length),
      digest,
      'plain',
      String(bytes.length),
    );
    yield { command: put, bytes, size: bytes.length };
    return;
  }
  const sent = await compressFile(content.path, content.sha256, encoding);
  const { bytes, sha256 } = content;
  yield {
    command: command(
      'put',
      path,
      octal(mode),
      String(bytes),
      sha256,
      encoding,
      String(sent.bytes.length),
      sent.sha256,
    ),
    bytes: sent.bytes,
    size: bytes,
  };
}

/** This is where a secret leaves the machine: to the host's shell, between the commands. */
const bytesIn = (content: Exclude<Content, { readonly kind: 'local-file' }>): Buffer =>
  Buffer.from(content.kind === 'secret' ? content.text.reveal() : content.text);

/** Not compressed on the way: packages are compressed already. */
async function* encodeStage(path: string, content: Content): AsyncGenerator<Part> {
  const bytes =
    content.kind === 'local-file' ? await readChecked(content.path, content.sha256) : bytesIn(content);
  const digest = createHash('sha256').update(bytes).digest('hex');
  yield { command: command('stage', path, String(bytes.length), digest), bytes, size: bytes.length };
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
