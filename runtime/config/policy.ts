import { readFile } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import type { SignaturePolicy } from './config.ts';
import { checkKeys } from './policy-keys.ts';

/**
 * The signature policy, parsed (containers-policy.json(5)); the images room gives it meaning.
 * Fails `FailedPrecondition` when it is missing: without one, no image may be pulled. Fails `InvalidArgument` for what is no
 * policy, or has an unknown key.
 */
export const readPolicy = async (path: string): Promise<SignaturePolicy> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Fail('FailedPrecondition', `the signature policy ${path} cannot be read`, {
      hint: 'to accept every image, write: {"default":[{"type":"insecureAcceptAnything"}]}',
      cause,
    });
  });
  const policy = parseJson(path, text);
  if (!isPolicy(policy))
    throw new Fail(
      'InvalidArgument',
      `${path}: a policy is an object whose "default" is a list of one or more requirements`,
    );
  checkKeys(policy, path);
  return { file: path, content: policy };
};

const isPolicy = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  'default' in value &&
  Array.isArray(value.default) &&
  value.default.length > 0;

const parseJson = (path: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, ' ');
    throw new Fail('InvalidArgument', `${path}${placeOf(reason, text)}: ${reason}`, { cause });
  }
};

/** `:line:column`, when the parser says where it stopped; of short texts it quotes all instead. */
const placeOf = (reason: string, text: string): string => {
  const position = /at position (\d+)/.exec(reason)?.[1];
  if (position === undefined) return '';
  const before = text.slice(0, Number(position)).split('\n');
  return `:${before.length}:${(before.at(-1) ?? '').length + 1}`;
};
