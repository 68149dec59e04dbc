import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { listed } from './toml-file.ts';

/** Where the signatures of images lie; undefined: a file says nothing of it. */
export interface SignatureStore {
  /** Address below which a server, or `file:`, has them. */
  readonly lookaside: string | undefined;
  /** Sigstore's tools attach them to the image in its registry. */
  readonly attachments: boolean | undefined;
}

export interface SignatureStores {
  readonly default: SignatureStore | undefined;
  /** By registry, namespace, repository or reference. */
  readonly scopes: Readonly<Record<string, SignatureStore>>;
}

/**
 * The folder registries.d (containers-registries.d(5)): each scope, and the default, stands in one of its files. What is
 * only said for writing signatures is passed over.
 * @throws Fail `InvalidArgument` with the file
 */
export async function readRegistriesD(folder: string): Promise<SignatureStores> {
  let fallback: SignatureStore | undefined;
  const scopes: Record<string, SignatureStore> = {};
  const places = new Map<string, string>();
  const once = (what: string, path: string): void => {
    const other = places.get(what);
    if (other !== undefined) throw wrong(path, `${what} is in ${other} already`);
    places.set(what, path);
  };
  for (const name of (await listed(folder)).filter((each) => each.endsWith('.yaml'))) {
    const path = join(folder, name);
    const document = objectIn(await parsed(path), path, 'the file');
    // Null, here and below: everything under it is commented out.
    const preset = document['default-docker'] ?? undefined;
    if (preset !== undefined) {
      once('default-docker', path);
      fallback = storeIn(preset, path, 'default-docker');
    }
    const own = objectIn(document['docker'] ?? {}, path, 'docker');
    for (const [scope, value] of Object.entries(own)) {
      once(scope, path);
      scopes[scope] = storeIn(value, path, scope);
    }
  }
  return { default: fallback, scopes };
}

async function parsed(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  // Few nodes have such a file, and the parser takes memory.
  const { parse } = await import('yaml');
  try {
    return parse(text) ?? {};
  } catch (cause) {
    throw wrong(path, cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause), cause);
  }
}

function storeIn(value: unknown, path: string, what: string): SignatureStore {
  const written = objectIn(value ?? {}, path, what);
  const lookaside = written['lookaside'] ?? written['sigstore'];
  const attachments = written['use-sigstore-attachments'];
  if (lookaside !== undefined && (typeof lookaside !== 'string' || !/^(https?|file):\/\/./.test(lookaside)))
    throw wrong(path, `lookaside of ${what} is no address with http, https or file`);
  if (attachments !== undefined && typeof attachments !== 'boolean')
    throw wrong(path, `use-sigstore-attachments of ${what} is neither true nor false`);
  return { lookaside, attachments };
}

function objectIn(value: unknown, path: string, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw wrong(path, `${what} is no mapping`);
}

const wrong = (path: string, why: string, cause?: unknown): Fail =>
  new Fail('InvalidArgument', `${path}: ${why}`, { hint: 'see containers-registries.d(5)', cause });
