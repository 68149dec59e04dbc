import { fileAt, type RegularFile } from '../host/facts/files.ts';
import type { InstallFacts } from '../host/facts/install.ts';
import type { Facts } from '../host/facts/probe.ts';
import { objectPath } from '../host/script/state.ts';
import { contentLike } from '../host/script/step.ts';
import type { Change } from './change.ts';
import { bringBack, hasSetAside } from './commented.ts';
import { unifiedDiff } from './diff.ts';

type FileOrigin = Extract<InstallFacts['origins'][number], { kind: 'file' }>;
type UnitOrigin = Extract<InstallFacts['origins'][number], { kind: 'unit' }>;

export const fileOrigins = ({ install }: Facts): FileOrigin[] =>
  install.origins.filter((origin) => origin.kind === 'file');

export const unitOrigins = ({ install }: Facts): UnitOrigin[] =>
  install.origins.filter((origin) => origin.kind === 'unit');

/** Puts back what lay at a path before berth touched it first. */
export function restoreFile({ path, before }: FileOrigin, facts: Facts): Change[] {
  const now = fileAt(facts.files, path);
  const text = now.kind === 'file' ? now.text : undefined;
  const changedByHand =
    now.kind === 'file' &&
    facts.install.applied.get(path) !== undefined &&
    facts.install.applied.get(path) !== now.sha256;
  const reason = changedByHand ? { reason: 'it was changed since berth wrote it' } : {};
  if (facts.install.origins.some((origin) => origin.kind === 'lines' && origin.name === path))
    return now.kind === 'file' ? bringLinesBack(path, now) : [];
  switch (before.kind) {
    case 'absent':
      if (now.kind === 'absent') return [];
      return [
        {
          id: `file:${path}`,
          action: 'delete',
          summary: `delete ${path}`,
          ...(text === undefined ? {} : { diff: unifiedDiff(path, text, undefined) }),
          ...reason,
          steps: [{ kind: 'delete', path }],
        },
      ];
    case 'link':
      if (now.kind === 'link' && now.target === before.target) return [];
      return [
        {
          id: `file:${path}`,
          action: 'update',
          summary: `restore the link ${path} to ${before.target}`,
          ...reason,
          steps: [{ kind: 'link', path, target: before.target }],
        },
      ];
    case 'file': {
      const { sha256, mode, owner } = before;
      if (now.kind === 'file' && now.sha256 === sha256 && now.mode === mode && now.owner === owner) return [];
      return [
        {
          id: `file:${path}`,
          action: 'update',
          summary: `restore ${path} as it was before berth`,
          ...reason,
          steps: [{ kind: 'copy', from: objectPath(sha256), path, sha256, mode, owner }],
        },
      ];
    }
  }
}

/** Stops and disables a unit that was not there, or not so, before berth. */
export function restoreUnit({ name, fileState, activeState }: UnitOrigin, facts: Facts): Change[] {
  const now = facts.units.get(name);
  if (now === undefined || !now.loaded) return [];
  const stop = now.activeState !== 'inactive' && now.activeState !== 'failed' && activeState !== 'active';
  const disable = now.fileState === 'enabled' && fileState !== 'enabled';
  if (!stop && !disable) return [];
  const verbs = [stop && 'stop', disable && 'disable'].filter((verb) => typeof verb === 'string');
  return [
    {
      id: `unit:${name}`,
      action: 'remove',
      summary: `${verbs.join(' and ')} ${name}`,
      origins: [{ kind: 'unit', name, fileState: now.fileState, activeState: now.activeState }],
      steps: verbs.map((verb) => ({ kind: 'run', argv: ['systemctl', verb, name], deadlineSeconds: 150 })),
    },
  ];
}

/** What others wrote to the file since stays: only the lines that berth had set aside change. */
function bringLinesBack(path: string, now: RegularFile): Change[] {
  const text = now.text ?? now.sealed?.open();
  if (text === undefined || !hasSetAside(text)) return [];
  const restored = bringBack(text);
  return [
    {
      id: `file:${path}`,
      action: 'update',
      summary: `bring the lines of ${path} back that berth had set aside`,
      ...(now.text === undefined ? {} : { diff: unifiedDiff(path, text, restored) }),
      steps: [{ kind: 'write', path, content: contentLike(now, restored), mode: now.mode }],
    },
  ];
}
