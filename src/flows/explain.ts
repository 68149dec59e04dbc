import type { ExplainedFile, Explanation } from '../core/explanation.ts';
import { fileAt } from '../host/facts/files.ts';
import { type Facts, type ProbeRequest, probe } from '../host/facts/probe.ts';
import { probeRequest } from '../node/node.ts';
import { overridesAsk, overridesOn } from '../node/overrides.ts';
import { loadTemplates } from '../node/templates.ts';
import { type Trace, traceOf } from '../node/trace.ts';
import { pathText } from '../profile/finding.ts';
import { resolveSources } from '../profile/parse-profile.ts';
import type { HostEntry, Spec } from '../profile/profile.ts';
import { provenanceOf } from '../profile/provenance.ts';
import { childOf, type Path } from '../profile/tree.ts';
import { valueAt } from '../profile/value-at.ts';
import type { FlowContext } from './context.ts';
import { specsWithOtherValues } from './other-values.ts';

/**
 * Where a value of a host comes from: the lines of the profile that say it, the files on the host that follow from it,
 * and, unless `offline`, what counts there, files of others included.
 */
export async function explainValue(
  context: FlowContext,
  host: HostEntry,
  path: Path,
  { offline }: { readonly offline: boolean },
): Promise<Explanation> {
  const { spec } = host;
  const render = await loadTemplates(spec.templates);
  const request = probeRequest(spec, render);
  const facts = offline ? undefined : await askHost(context, host, request);
  const inSpec = path[0] === 'spec' ? path.slice(1) : undefined;
  const others = inSpec === undefined ? [] : specsWithOtherValues(spec, inSpec);
  const trace = traceOf(spec, others, render, facts);
  const tree = resolveSources(context.profile.sources).hosts.find(
    (resolved) => childOf(resolved.tree, 'name')?.value === host.name,
  )?.tree;
  const { sayings, fallback } =
    tree === undefined ? { sayings: [], fallback: undefined } : provenanceOf(tree, path);
  return {
    host: host.name,
    path: pathText(path),
    value: inSpec === undefined ? sayings[0]?.value : valueAt(spec, inSpec),
    sayings,
    fallback,
    files: trace.files.map((file) => ({ ...file, ...stateOf(file, trace, facts) })),
    deeds: trace.deeds,
    ...(facts === undefined ? {} : { effective: effectiveOn({ spec, facts, trace }, inSpec ?? []) }),
  };
}

/** With what others say in files that are read together with berth's. */
async function askHost(context: FlowContext, host: HostEntry, request: ProbeRequest): Promise<Facts> {
  const connection = await context.connect(host);
  const asked: ProbeRequest = {
    ...request,
    files: [...new Set([...request.files, ...overridesAsk.files])],
    folders: [...new Set([...request.folders, ...overridesAsk.folders])],
  };
  return await probe(connection, asked, context.signal);
}

function stateOf(
  { path, lines }: ExplainedFile,
  { texts }: Trace,
  facts: Facts | undefined,
): Pick<ExplainedFile, 'onHost' | 'lines'> {
  if (facts === undefined) return { lines };
  const now = fileAt(facts.files, path);
  if (now.kind !== 'file') return { lines, onHost: 'absent' };
  if (now.text === texts.get(path)) return { lines, onHost: 'as rendered' };
  return { lines, onHost: 'differs' };
}

interface Found {
  readonly spec: Spec;
  readonly facts: Facts;
  readonly trace: Trace;
}

/** What the host itself says, as far as the value has something to do with it. */
function effectiveOn({ spec, facts, trace }: Found, path: Path): string[] {
  const settings = trace.files.flatMap((file) => file.settings);
  const foreign = overridesOn(facts, trace.changes).filter(({ id }) =>
    settings.some((setting) => id.slice(id.indexOf(' ') + 1).startsWith(setting)),
  );
  return [...kernelSays(spec, facts, path), ...foreign.map(({ summary }) => summary)];
}

/** Of what the probe asks for besides, such as limits, the value says nothing. */
function kernelSays(spec: Spec, { kernel }: Facts, path: Path): string[] {
  const [top, what, name] = path;
  if (top !== 'kernel') return [];
  if (what === 'sysctls') {
    const keys = name === undefined ? Object.keys(spec.kernel.sysctls) : [String(name)];
    return keys.map((key) => `${key} is ${kernel.sysctls.get(key)?.value ?? 'unknown to the kernel'}`);
  }
  if (what !== 'modules') return [];
  return spec.kernel.modules.map(
    (module) => `kernel module ${module} is ${kernel.modules.get(module) ?? 'missing'}`,
  );
}
