import { createHash } from 'node:crypto';
import { Fail } from '../core/fail.ts';
import { byteSize } from '../core/text.ts';
import { type FileFact, fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, Content } from './change.ts';
import { unifiedDiff } from './diff.ts';
import type { FileResource, LinkResource } from './resource.ts';

export function digestOf(content: Content): string {
  if (content.kind === 'local-file') return content.sha256;
  const text = content.kind === 'secret' ? content.text.reveal() : content.text;
  return createHash('sha256').update(text).digest('hex');
}

export function planFile(desired: FileResource, facts: Facts): Change[] {
  const { path, content, mode } = desired;
  const now = fileAt(facts.files, path);
  if (now.kind === 'directory') throw inTheWay(path);
  const sameContent = now.kind === 'file' && now.sha256 === digestOf(content);
  if (sameContent && now.mode === mode && now.owner === '0:0') return [];
  const action = now.kind === 'absent' ? 'create' : 'update';
  return [
    {
      id: `file:${path}`,
      action,
      summary: `${summarize(action, content, sameContent)} ${path}${sizeOf(content)}`,
      ...diffOf(path, now, content),
      ...(sameContent ? { reason: `mode and owner become ${mode.toString(8)} root` } : {}),
      ...(now.kind === 'link' ? { reason: `it is a link to ${now.target} now` } : {}),
      // Who reads it has read these very bytes: another mode is no reason to restart.
      ...(desired.readBy === undefined || sameContent ? {} : { makesStale: desired.readBy }),
      ...(desired.origins === undefined ? {} : { origins: desired.origins }),
      ...(desired.guarded ? { guarded: true } : {}),
      steps: [{ kind: 'write', path, content, mode }],
    },
  ];
}

const summarize = (action: 'create' | 'update', content: Content, sameContent: boolean): string => {
  if (sameContent) return 'correct';
  if (content.kind === 'local-file') return action === 'create' ? 'upload' : 'replace';
  return action === 'create' ? 'write' : 'change';
};

function sizeOf(content: Content): string {
  if (content.kind === 'secret') return ' (sensitive)';
  return content.kind === 'local-file' ? ` (${byteSize(content.bytes)})` : '';
}

function diffOf(path: string, now: FileFact, content: Content): { diff?: string } {
  if (content.kind !== 'text') return {};
  if (now.kind === 'file' && now.text === undefined) return {};
  const before = now.kind === 'file' ? now.text : undefined;
  return before === content.text ? {} : { diff: unifiedDiff(path, before, content.text) };
}

const inTheWay = (path: string): Fail =>
  new Fail('Unsupported', `${path} is a folder, and must be a file`, {
    hint: 'Move it away: berth does not replace a folder by a file.',
  });

export function planLink({ path, target }: LinkResource, facts: Facts): Change[] {
  const now = fileAt(facts.files, path);
  if (now.kind === 'directory') throw inTheWay(path);
  if (now.kind === 'link' && now.target === target) return [];
  const action = now.kind === 'absent' ? 'create' : 'update';
  const from = now.kind === 'link' ? ` (was ${now.target})` : '';
  return [
    {
      id: `link:${path}`,
      action,
      summary: `link ${path} to ${target}${from}`,
      steps: [{ kind: 'link', path, target }],
    },
  ];
}
