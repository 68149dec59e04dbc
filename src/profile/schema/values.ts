import semver from 'semver';
import { z } from 'zod';
import { formatCidr, parseCidr } from '../cidr.ts';
import { isRegistryPrefix, parseReference } from '../image-reference.ts';
import { filePath } from '../known-keys.ts';
import { proxyProblem } from '../proxy-address.ts';

/* Kinds of values that many keys of a profile take. */

/** A mapping that may be left out: its own keys bring the defaults. */
export const section = <Shape extends z.ZodRawShape>(shape: Shape, description: string) =>
  z.strictObject(shape).meta({ description });

export const text = (pattern: RegExp, rule: string) => z.string().regex(pattern, rule);

/** A text that `problemWith` accepts by returning undefined. */
export const checked = (problemWith: (value: string) => string | undefined) =>
  z.string().check((context) => {
    const message = problemWith(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  });

export const cidr = checked((value) => {
  const range = parseCidr(value);
  if (!range) return `"${value}" is no range of addresses such as 10.88.0.0/16`;
  const [address = ''] = value.split('/');
  const start = parseCidr(`${address}/${range.family === 4 ? 32 : 128}`)?.first;
  return start === range.first
    ? undefined
    : `"${value}" is an address inside a range; the range is ${formatCidr(range)}`;
});

export const imageReference = checked((value) => {
  const parts = parseReference(value);
  return typeof parts === 'string' ? `"${value}" is no image reference: ${parts}` : undefined;
});

export const registryPrefix = checked((value) =>
  isRegistryPrefix(value) ? undefined : `"${value}" is no registry such as docker.io or localhost:5000`,
);

export const version = z
  .string({
    error: ({ input }) =>
      typeof input === 'number' ? `${input} lacks a part: write the version as in 1.37.0` : undefined,
  })
  .check((context) => {
    if (semver.valid(context.value) !== null) return;
    const message = `"${context.value}" is no version: three numbers as in 1.37.0`;
    context.issues.push({ code: 'custom', message, input: context.value });
  });

export const plainAddress = checked(proxyProblem);

export const httpAddress = checked((value) =>
  /^https?:$/.test(URL.parse(value)?.protocol ?? '') ? undefined : `"${value}" is no http or https address`,
);

export const file = filePath(z.string().min(1));
