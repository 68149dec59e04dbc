import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absent } from '../../core/absent.ts';
import { Fail, failedWith } from '../../core/fail.ts';
import type { ContainerConfig } from '../../spec/cri/api_pb.js';
import { type CdiDocument, type CdiEdits, NO_EDITS, parseDeviceName, parseDocument } from './document.ts';

/** Annotations under this name say the same as CDI_devices: how device plugins ask that are older than the field. */
const ANNOTATION = 'cdi.k8s.io/';

/** The devices that a container asks for, each once, in the order of the request. */
export const requestedDevices = ({ CDIDevices, annotations }: ContainerConfig): readonly string[] => {
  const annotated = Object.entries(annotations)
    .filter(([name]) => name.startsWith(ANNOTATION))
    .flatMap(([, value]) => value.split(','));
  return [...new Set([...CDIDevices.map(({ name }) => name), ...annotated])];
};

/**
 * What the devices change in a container: those of a document once, before those of its first device. A document in
 * a later folder goes before one in an earlier. The files are read for each container that asks: whoever provides
 * devices may rewrite them at any time. Fails `NotFound` for a device that no document has, `FailedPrecondition` for
 * one that two have, and with the reason when a document that cannot be read may have it.
 */
export const findDevices = async (
  names: readonly string[],
  folders: readonly string[],
): Promise<CdiEdits> => {
  if (names.length === 0) return NO_EDITS;
  const wanted = names.map(parseDeviceName);
  const levels = await Promise.all(folders.toReversed().map(readFolder));
  const used = new Set<CdiDocument>();
  const edits = wanted.flatMap((device) => {
    const { document, own } = lookUp(device, levels, folders);
    const shared = used.has(document) ? [] : [document.edits];
    used.add(document);
    return [...shared, own];
  });
  return {
    env: edits.flatMap(({ env }) => env),
    deviceNodes: edits.flatMap(({ deviceNodes }) => deviceNodes),
    mounts: edits.flatMap(({ mounts }) => mounts),
    hooks: edits.flatMap(({ hooks }) => hooks),
    additionalGids: edits.flatMap(({ additionalGids }) => additionalGids),
  };
};

interface Level {
  readonly documents: readonly CdiDocument[];
  /** Why others could not be read. */
  readonly failures: readonly Fail[];
}

type Name = ReturnType<typeof parseDeviceName>;

const lookUp = (
  { kind, device }: Name,
  levels: readonly Level[],
  folders: readonly string[],
): { readonly document: CdiDocument; readonly own: CdiEdits } => {
  const name = `${kind}=${device}`;
  for (const { documents } of levels) {
    const [found, other] = documents
      .filter((document) => document.kind === kind)
      .flatMap((document) =>
        document.devices
          .filter((each) => each.name === device)
          .map(({ edits }) => ({ document, own: edits })),
      );
    if (found !== undefined && other === undefined) return found;
    if (other !== undefined)
      throw new Fail(
        'FailedPrecondition',
        `CDI device ${name} is both in ${found?.document.path} and in ${other.document.path}`,
      );
  }
  const [failure] = levels.flatMap(({ failures }) => failures);
  if (failure !== undefined)
    throw new Fail('FailedPrecondition', `CDI device ${name} was not found: ${failure.message}`, {
      cause: failure,
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    });
  throw new Fail('NotFound', `CDI device ${name} is in no file of ${folders.join(', ')}`, {
    hint: 'a device plugin or the device’s own tool writes them; the folders are cdi_spec_dirs of crio.conf',
  });
};

const readFolder = async (folder: string): Promise<Level> => {
  const names = ((await readdir(folder).catch(absent)) ?? []).filter((name) => /\.(json|yaml)$/.test(name));
  const read = await Promise.all(names.toSorted().map((name) => readDocument(join(folder, name))));
  return {
    documents: read.filter((each): each is CdiDocument => !(each instanceof Fail)),
    failures: read.filter((each) => each instanceof Fail),
  };
};

const readDocument = async (path: string): Promise<CdiDocument | Fail> => {
  try {
    return parseDocument(path, await parse(path, await readFile(path, 'utf8')));
  } catch (error) {
    if (failedWith(error, 'FailedPrecondition')) return error;
    throw error;
  }
};

const parse = async (path: string, text: string): Promise<unknown> => {
  try {
    if (path.endsWith('.json')) return JSON.parse(text);
    // Only nodes with such files pay for a parser of YAML.
    const yaml = await import('yaml');
    return yaml.parse(text);
  } catch (cause) {
    throw new Fail('FailedPrecondition', `${path} cannot be read: ${String(cause)}`, { cause });
  }
};
