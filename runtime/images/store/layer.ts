import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Fail } from '../../core/fail.ts';
import { syncFileSystem } from '../../linux/sync.ts';
import { hasErrno } from '../../linux/system-call-failed.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { isDigest } from '../reference.ts';
import { syncFolder } from './durable-file.ts';
import { type Layout, layerFolder, recordIn } from './layout.ts';

/** What is known of an unpacked layer. */
export interface LayerRecord {
  readonly version: 1;
  readonly chainId: Digest;
  readonly diffId: Digest;
  /** Bytes of the files. */
  readonly sizeBytes: number;
  /** The same in whole blocks. */
  readonly diskBytes: number;
  readonly inodes: number;
}

/** The record of a layer that is complete and in place; undefined when there is none. Throws `DataLoss` on a damaged one. */
export const readLayer = (layout: Layout, chainId: Digest): LayerRecord | undefined => {
  const file = recordIn(layerFolder(layout, chainId));
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  return parseLayer(text, chainId, file);
};

const parseLayer = (text: string, chainId: Digest, file: string): LayerRecord => {
  const value = parseJson(text, file);
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== 1) {
    throw new Fail('FailedPrecondition', `${file} was written by another version of berth`, {
      hint: 'run the version that wrote it, or remove the layer',
    });
  }
  const record = Object.fromEntries(Object.entries(value));
  const { diffId, sizeBytes, diskBytes, inodes } = record;
  if (record['chainId'] !== chainId || typeof diffId !== 'string' || !isDigest(diffId)) throw damaged(file);
  if (typeof sizeBytes !== 'number' || typeof diskBytes !== 'number' || typeof inodes !== 'number')
    throw damaged(file);
  return { version: 1, chainId, diffId, sizeBytes, diskBytes, inodes };
};

const parseJson = (text: string, file: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(file);
  }
};

const damaged = (file: string): Fail =>
  new Fail('DataLoss', `${file} is damaged`, { hint: 'remove the layer’s folder and pull its images again' });

/** A layer that was unpacked in staging. */
export interface StagedLayer {
  readonly folder: string;
  readonly record: LayerRecord;
}

/**
 * Puts staged layers in place. Everything reaches the disk before a name says that it is complete, so that a
 * layer that can be seen is whole, also after a power loss. One that came to be meanwhile stays as it is.
 */
export const commitLayers = (layout: Layout, layers: readonly StagedLayer[]): void => {
  if (layers.length === 0) return;
  for (const { folder, record } of layers)
    writeFileSync(recordIn(folder), JSON.stringify(record), { mode: 0o600 });
  mkdirSync(layout.layers, { recursive: true, mode: 0o700 });
  syncFileSystem(layout.layers);
  for (const { folder, record } of layers) moveIntoPlace(folder, layerFolder(layout, record.chainId));
  syncFolder(layout.layers);
};

const moveIntoPlace = (staged: string, final: string): void => {
  try {
    renameSync(staged, final);
  } catch (error) {
    if (!hasErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    rmSync(staged, { recursive: true });
  }
};
