import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import type { Check, Emit } from '../../core/events.ts';
import { Fail } from '../../core/fail.ts';
import type { Connection } from '../../host/transport/connection.ts';
import type { Spec } from '../../profile/profile.ts';
import { type CritestSpec, critestSpecs } from './critest-specs.ts';

/** The parts of ginkgo's report that we read. RunTime is in nanoseconds. */
const report = z.array(
  z.object({
    SpecReports: z
      .array(
        z.object({
          ContainerHierarchyTexts: z.array(z.string()).nullish(),
          LeafNodeText: z.string(),
          State: z.string(),
          RunTime: z.number().default(0),
          Failure: z
            .object({
              Message: z.string().default(''),
              Location: z.object({ FileName: z.string(), LineNumber: z.number() }).optional(),
            })
            .nullish(),
          CapturedGinkgoWriterOutput: z.string().default(''),
        }),
      )
      .nullish(),
  }),
);
type SpecReport = NonNullable<z.output<typeof report>[number]['SpecReports']>[number];

const base = { grade: 'full' } as const;

const title = (spec: CritestSpec): string =>
  spec.name.replace(/ \[Conformance\]$/, '').replace(/^.* should /, '');

const notRun = (id: string, words: string, why: string): Check => ({
  ...base,
  id: `critest.${id}`,
  title: words,
  ok: false,
  notRun: true,
  milliseconds: 0,
  detail: `not run: ${why}`,
});

const checkOf = (spec: CritestSpec, seen: SpecReport | undefined): Check => {
  if (seen === undefined) return notRun(spec.id, title(spec), 'this critest has no such spec');
  const { Failure: failure } = seen;
  const message = failure?.Message ?? '';
  if (seen.State === 'skipped' || seen.State === 'pending')
    return notRun(spec.id, title(spec), message === '' ? 'critest skipped it' : message);
  const check = {
    ...base,
    id: `critest.${spec.id}`,
    title: title(spec),
    milliseconds: seen.RunTime / 1e6,
  };
  if (seen.State === 'passed') return { ...check, ok: true, detail: 'passed' };
  const place = failure?.Location;
  return {
    ...check,
    ok: false,
    detail: message.split('\n').find((line) => line.trim() !== '') ?? seen.State,
    evidence: [
      { title: `critest: ${spec.name}`, text: message },
      ...(place === undefined ? [] : [{ title: 'where', text: `${place.FileName}:${place.LineNumber}` }]),
      { title: 'what critest did', text: seen.CapturedGinkgoWriterOutput.slice(-8192) },
    ].filter(({ text }) => text.trim() !== ''),
    remedy: 'the runtime does not do what the CRI asks here: see journalctl -u berthd -n 100',
  };
};

/** A check for each spec of the list, from the report of ginkgo. @throws Fail `CommandFailed` for what is no report. */
export const checksOfReport = (text: string): readonly Check[] => {
  const parsed = report.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new Fail('CommandFailed', 'critest wrote a report in a form that berth does not know');
  const byName = new Map<string, SpecReport>();
  for (const each of parsed.data.flatMap(({ SpecReports }) => SpecReports ?? []))
    byName.set([...(each.ContainerHierarchyTexts ?? []), each.LeafNodeText].join(' '), each);
  return critestSpecs.map((spec) => checkOf(spec, byName.get(fullName(spec))));
};

const fullName = ({ name }: CritestSpec): string => `[k8s.io] ${name}`;

/** Ginkgo looks for the expression anywhere in the name: the end is marked, as one name may begin another. */
const focus = (): string =>
  `(${critestSpecs.map((spec) => fullName(spec).replace(/[[\](){}.*+?^$|\\]/g, '\\$&')).join('|')})$`;

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** critest on this machine: the one that BERTH_CRITEST names, else the first in PATH. */
const localCritest = async (env: NodeJS.ProcessEnv): Promise<string | undefined> => {
  const named = env['BERTH_CRITEST'];
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const path of named === undefined ? folders.map((folder) => join(folder, 'critest')) : [named])
    if (await isExecutable(path)) return path;
  if (named === undefined) return undefined;
  throw new Fail('BadUsage', `BERTH_CRITEST names ${named}, which is no program`, {
    hint: 'name a critest for the machine type of the hosts, or leave the variable away',
  });
};

/** Into a folder that allows programs, as /run and /tmp need not; critest.sh takes it away. What earlier runs left goes first. */
const upload = async (connection: Connection, path: string, signal: AbortSignal): Promise<string> => {
  const script =
    'rm -rf /var/lib/berth-critest.*; umask 077; folder=$(mktemp -d /var/lib/berth-critest.XXXXXX) && ' +
    'gzip -dc >"$folder/critest" && chmod 700 "$folder/critest" && echo "$folder/critest"';
  const input = await promisify(gzip)(await readFile(path), { level: 1 });
  const sent = await connection.sh(script, { signal, input });
  if (sent.exitCode === 0) return sent.stdout.trim();
  throw new Fail('CommandFailed', `${connection.host}: critest could not be sent: ${sent.stderr.trim()}`, {
    hint: 'it takes 30 MB below /var/lib',
  });
};

/** Where critest is on the host: sent there, or installed there; undefined: nowhere. */
const critestOn = async (connection: Connection, signal: AbortSignal): Promise<string | undefined> => {
  const installed = await connection.sh('command -v critest', { signal });
  const local =
    process.env['BERTH_CRITEST'] === undefined && installed.exitCode === 0
      ? undefined
      : await localCritest(process.env);
  if (local !== undefined) return await upload(connection, local, signal);
  return installed.exitCode === 0 ? installed.stdout.trim() : undefined;
};

const inputFor = (program: string, spec: Spec): string => {
  const images = { defaultTestContainerImage: spec.verify.image, ...spec.verify.critestImages };
  return `${[program, focus(), JSON.stringify(images)].join('\n')}\n`;
};

const text = async (stream: AsyncIterable<Buffer | string>): Promise<string> => {
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  for await (const chunk of stream)
    chunks.push(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }));
  return chunks.join('');
};

/** Runs the script to its end. Its standard input stays open meanwhile, so that it notices when nobody listens any more. */
const run = async (connection: Connection, program: string, spec: Spec, signal: AbortSignal) => {
  const script = await readFile(new URL('critest.sh', import.meta.url), 'utf8');
  const remote = await connection.spawn(script, { signal });
  remote.stdin.on('error', () => undefined);
  remote.stdin.write(inputFor(program, spec));
  const output = Promise.all([text(remote.stdout), text(remote.stderr)]);
  try {
    const [stdout, stderr] = await output;
    return { stdout, stderr, ...(await remote.exited) };
  } finally {
    remote.stdin.end();
  }
};

const couldNotRun = (why: string, evidence: string): Check => ({
  ...base,
  id: 'critest.run',
  title: 'critest runs',
  ok: false,
  milliseconds: 0,
  detail: why,
  ...(evidence.trim() === '' ? {} : { evidence: [{ title: 'what it printed', text: evidence }] }),
  remedy: 'is it for the machine type of the host? try there: critest -version',
});

/**
 * The conformance checks of level full: a named part of critest, where there is a critest on this machine or on the host.
 * Without one there is one check that was not run.
 */
export const conformance = async (
  connection: Connection,
  spec: Spec,
  { emit, signal }: { readonly emit: Emit; readonly signal: AbortSignal },
): Promise<readonly Check[]> => {
  const program = await critestOn(connection, signal);
  if (program === undefined)
    return [
      notRun(
        'run',
        'critest runs',
        'there is no critest on this machine (PATH, BERTH_CRITEST) or on the host',
      ),
    ];
  const step = { host: connection.host, phase: 'verify', id: 'critest' } as const;
  const started = performance.now();
  emit({ kind: 'step-started', ...step, title: `run ${critestSpecs.length} specs of critest` });
  let failed = true;
  try {
    const { stdout, stderr, exitCode } = await run(connection, program, spec, signal);
    const begin = stdout.indexOf('\n') + 1;
    if (exitCode !== 0 || !stdout.startsWith('report '))
      return [couldNotRun(stderr.trim().split('\n').at(-1) ?? 'it ended without a report', stderr)];
    const checks = checksOfReport(stdout.slice(begin));
    failed = false;
    return checks;
  } finally {
    emit({ kind: 'step-ended', ...step, milliseconds: performance.now() - started, failed });
  }
};
