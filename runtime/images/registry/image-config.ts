import { Fail } from '../../core/fail.ts';
import type { Digest, OciImageConfig } from '../../spec/oci/image.ts';
import { isDigest } from '../reference.ts';

type RunConfig = NonNullable<OciImageConfig['config']>;

/**
 * The fields of an image configuration that berth uses, each with its right type: OCI image specification,
 * config.md. History and what else is in it stay out. Throws `InvalidArgument`.
 */
export const parseImageConfig = (body: Buffer, subject: string): OciImageConfig => {
  const reader = new Reader(subject);
  const document = reader.object(reader.json(body), 'configuration');
  const rootfs = reader.object(document['rootfs'], 'rootfs');
  const variant = reader.text(document, 'variant');
  const created = reader.text(document, 'created');
  return {
    architecture: reader.text(document, 'architecture') ?? '',
    os: linuxOnly(reader.text(document, 'os') ?? '', subject),
    ...(variant === undefined ? {} : { variant }),
    ...(created === undefined ? {} : { created }),
    ...(isAbsent(document['config'])
      ? {}
      : { config: runConfig(reader, reader.object(document['config'], 'config')) }),
    rootfs: { type: 'layers', diff_ids: reader.digests(rootfs, 'diff_ids') },
  };
};

const runConfig = (reader: Reader, config: Record<string, unknown>): RunConfig => {
  const result: RunConfig = {};
  for (const key of ['User', 'WorkingDir', 'StopSignal'] as const) {
    const value = reader.text(config, key);
    if (value !== undefined && value !== '') result[key] = value;
  }
  for (const key of ['Env', 'Entrypoint', 'Cmd'] as const) {
    if (!isAbsent(config[key])) result[key] = reader.texts(config[key], key);
  }
  if (!isAbsent(config['Labels'])) result.Labels = reader.labels(config['Labels']);
  for (const key of ['Volumes', 'ExposedPorts'] as const) {
    if (!isAbsent(config[key])) result[key] = reader.object(config[key], key);
  }
  return result;
};

const linuxOnly = (os: string, subject: string): string => {
  if (os === 'linux') return os;
  throw new Fail('NotFound', `${subject}: it is an image for ${JSON.stringify(os)}, not for linux`, {
    hint: 'use an image that was built for Linux',
  });
};

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

/** Takes typed values out of JSON, or says which one is wrong. */
class Reader {
  readonly #subject: string;

  constructor(subject: string) {
    this.#subject = subject;
  }

  json(body: Buffer): unknown {
    try {
      return JSON.parse(body.toString('utf8'));
    } catch (cause) {
      throw this.#malformed('it is not JSON', cause);
    }
  }

  object(value: unknown, what: string): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.#malformed(`${what} is not an object`);
    return Object.fromEntries(Object.entries(value));
  }

  text(from: Record<string, unknown>, key: string): string | undefined {
    const value = from[key];
    if (isAbsent(value)) return undefined;
    if (typeof value !== 'string') throw this.#malformed(`${key} is not a string`);
    return value;
  }

  texts(value: unknown, what: string): string[] {
    const isText = (item: unknown): item is string => typeof item === 'string';
    if (!Array.isArray(value) || !value.every(isText))
      throw this.#malformed(`${what} is not a list of strings`);
    return value;
  }

  labels(value: unknown): Record<string, string> {
    const labels: Record<string, string> = {};
    for (const [key, label] of Object.entries(this.object(value, 'Labels'))) {
      if (typeof label !== 'string') throw this.#malformed(`label ${key} is not a string`);
      labels[key] = label;
    }
    return labels;
  }

  digests(from: Record<string, unknown>, key: string): Digest[] {
    const texts = isAbsent(from[key]) ? [] : this.texts(from[key], key);
    return texts.map((text) => {
      if (isDigest(text)) return text;
      throw this.#malformed(`${JSON.stringify(text)} in ${key} is not a sha256 digest`);
    });
  }

  #malformed(why: string, cause?: unknown): Fail {
    return new Fail('InvalidArgument', `${this.#subject}: not a valid image configuration: ${why}`, {
      hint: 'push the image again',
      cause,
    });
  }
}
