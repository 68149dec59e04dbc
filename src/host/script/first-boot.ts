import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sysctlPath } from '../facts/kernel.ts';
import { encodeLine, quote, quoteAll } from '../quote.ts';
import { command, encodeWork, type Part } from './encode-work.ts';
import { type ExecutorOptions, executorScript } from './executor.ts';
import { stateFolder } from './state.ts';
import type { Origin, Work } from './step.ts';

/** A piece of work, and the cases in which it is done: see `plan-first-boot.ts`. */
export interface ConditionalWork {
  readonly work: Work;
  readonly circumstances: readonly string[];
  readonly cases: readonly string[];
}

export interface FirstBoot {
  /** In words, for the head of the script. */
  readonly title: string;
  readonly system: {
    readonly name: string;
    readonly id: string;
    readonly version: string;
    readonly variant: string;
    readonly machine: string;
  };
  readonly circumstances: readonly { readonly name: string; readonly test: string }[];
  readonly works: readonly ConditionalWork[];
  readonly about: NonNullable<ExecutorOptions['about']>;
  readonly space: readonly { readonly folder: string; readonly bytes: number }[];
  readonly proof: {
    readonly units: readonly string[];
    readonly crictl: string;
    /** Empty: any. */
    readonly crictlVersion: string;
    /** Undefined: no pod is run. */
    readonly image: string | undefined;
  };
  /** Where the artifacts will be; undefined: the script holds them. */
  readonly address: string | undefined;
}

/** Bytes that a script fetches, as they must lie below its address. */
export interface FirstBootArtifact {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: Buffer;
}

export interface FirstBootScript {
  readonly text: string;
  /** Empty where the script holds them itself. */
  readonly artifacts: readonly FirstBootArtifact[];
}

/** From here on bytes are an artifact, and not a part of the script. */
const artifactFromBytes = 64 * 1024;

/** The works of an apply as one script that needs nobody: it checks, fetches, carries out, and proves. */
export async function firstBootScript(given: FirstBoot): Promise<FirstBootScript> {
  const feed = new Feed();
  for (const { folder, bytes } of given.space) feed.text(command('need', folder, String(bytes)));
  feed.text(command('open_generation', '', ''));
  for (const conditional of given.works) await addWork(feed, conditional);
  feed.text(command('end_generation'));
  const { parts, artifacts, script } = feed.end();
  const executor = await executorScript([], {
    mode: 'apply',
    by: 'first boot',
    about: given.about,
    lockTimeoutSeconds: 600,
  });
  const sections = [
    ['executor', gzipSync(executor)] as const,
    ...parts.map((text, index) => [`part-${index}`, gzipSync(text)] as const),
    ...(given.address === undefined
      ? artifacts.map(({ sha256, bytes }) => [`artifact-${sha256}`, bytes] as const)
      : []),
  ];
  const text = await assembled(given, { script, artifacts, sections });
  return { text, artifacts: given.address === undefined ? [] : artifacts };
}

async function addWork(feed: Feed, { work, circumstances, cases }: ConditionalWork): Promise<void> {
  const { origins = [], ...rest } = work;
  const isConditional = circumstances.length > 0;
  if (isConditional)
    feed.shell(`case ${circumstances.map((name) => `$${name}`).join('')} in ${cases.join(' | ')})`);
  let isFirst = true;
  for await (const part of encodeWork(rest, { guards: false, encoding: 'gzip' })) {
    feed.part(part, work);
    // As encodeWork does it: after the work has begun, and before its first step.
    if (isFirst) for (const origin of origins) feed.text(`${encodeLine(noteNow(origin))}\n`);
    isFirst = false;
  }
  if (isConditional) feed.shell(';; esac');
}

/** How things were is looked at when it is noted: what the plan took for granted need not be so. */
function noteNow(origin: Origin): string {
  const name = quote(origin.kind === 'sysctl' ? origin.key : origin.name);
  switch (origin.kind) {
    case 'sysctl':
      return `note sysctl ${name} "$(tr '[:space:]' ' ' < ${quote(sysctlPath(origin.key))})"`;
    case 'unit': {
      const show = (property: string) => `"$(systemctl show -p ${property} --value ${name})"`;
      return `e=${show('UnitFileState')}; note unit ${name} "\${e:--}" ${show('ActiveState')}`;
    }
    case 'module':
      return `[ -d ${quote(`/sys/module/${origin.name.replaceAll('-', '_')}`)} ] || note module ${name}`;
    case 'interface':
      return `[ -e ${quote(`/sys/class/net/${origin.name}`)} ] || note interface ${name}`;
    case 'undo':
      return `note undo ${name} ${Buffer.from(quoteAll(origin.argv)).toString('base64')}`;
    case 'fix':
    case 'lines':
      return `note ${origin.kind} ${name}`;
    case 'loaded':
      return `record loaded ${name}`;
  }
}

/** What the executor is to read, in parts: texts of the script, artifacts, and the shell's own words between them. */
class Feed {
  readonly #lines: string[] = [];
  readonly #parts: string[] = [];
  readonly #artifacts = new Map<string, FirstBootArtifact>();
  #text = '';

  text(text: string): void {
    this.#text += text;
  }

  shell(line: string): void {
    this.#flush();
    this.#lines.push(line);
  }

  part(part: Part, work: Work): void {
    this.text(typeof part === 'string' ? part : part.command);
    if (typeof part === 'string') return;
    const { command: put, bytes } = part;
    if (bytes.length < artifactFromBytes && isText(bytes)) this.text(bytes.toString('utf8'));
    else this.#artifact(put, bytes, work);
  }

  #artifact(put: string, bytes: Buffer, work: Work): void {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const name = `${nameOf(put, work)}-${sha256.slice(0, 12)}`;
    this.#artifacts.set(sha256, { name, sha256, bytes });
    this.shell(`artifact ${sha256}`);
  }

  end() {
    this.#flush();
    const artifacts = [...this.#artifacts.values()];
    return { parts: this.#parts, artifacts, script: this.#lines.join('\n') };
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#lines.push(`part ${this.#parts.length}`);
    this.#parts.push(this.#text);
    this.#text = '';
  }
}

const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);

/** The last word of the file that the bytes become; those of a package keep the name of the package. */
function nameOf(put: string, { id }: Work): string {
  const path = put.split(' ')[1]?.trim() ?? id;
  return posix.basename(path).replaceAll(/[^A-Za-z0-9._-]/g, '_');
}

interface Body {
  readonly script: string;
  readonly artifacts: readonly FirstBootArtifact[];
  readonly sections: readonly (readonly [name: string, bytes: Buffer])[];
}

async function assembled(given: FirstBoot, { script, artifacts, sections }: Body): Promise<string> {
  const body = [
    await readFile(new URL('./first-boot.sh', import.meta.url), 'utf8'),
    functionOf(
      'measure',
      given.circumstances.map(({ name, test }) => `${name}=0; if ${test}; then ${name}=1; fi`),
    ),
    functionOf(
      'fetch_all',
      artifacts.map(({ name, sha256 }) => `fetch ${quote(name)} ${sha256}`),
    ),
    functionOf('feed', [script]),
    'main',
    'exit 0',
    ...sections.map(([name, bytes]) => `#:${name}\n${lines(bytes.toString('base64'))}`),
    '#:end',
    '',
  ].join('\n');
  const { system, proof, address = '' } = given;
  const parameters = {
    state: stateFolder,
    os_name: system.name,
    os_id: system.id,
    os_version: system.version,
    os_variant: system.variant,
    machine: system.machine,
    address,
    units: proof.units.join(' '),
    crictl: proof.crictl,
    crictl_version: proof.crictlVersion,
    image: proof.image ?? '',
  };
  const assignments = Object.entries(parameters).map(([name, value]) => `${name}=${quote(value)}`);
  const digest = createHash('sha256')
    .update([...assignments, body].join('\n'))
    .digest('hex');
  return ['#!/bin/sh', ...comment(given.title), `digest=${digest}`, ...assignments, body].join('\n');
}

const comment = (text: string): string[] => text.split('\n').map((line) => `# ${line}`);

const functionOf = (name: string, body: readonly string[]): string =>
  `${name}() {\n${body.length === 0 ? ':' : body.join('\n')}\n}\n`;

const lines = (base64: string): string => base64.replace(/.{76}/g, '$&\n').trimEnd();
