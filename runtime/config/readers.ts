import { NotAsExpected, type Reader } from './settings.ts';

export const text: Reader<string> = (value) => {
  if (typeof value === 'string' && !/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return value;
  throw new NotAsExpected(`is not a string of one line: ${show(value)}`);
};

export const absolutePath: Reader<string> = (value) => {
  const path = text(value);
  if (path.startsWith('/')) return path;
  throw new NotAsExpected(`is not an absolute path: ${show(value)}`);
};

export const flag: Reader<boolean> = (value) => {
  if (typeof value === 'boolean') return value;
  throw new NotAsExpected(`is neither true nor false: ${show(value)}`);
};

export const integer =
  (minimum: number, maximum: number): Reader<number> =>
  (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum)
      return value;
    throw new NotAsExpected(`is not a whole number from ${minimum} to ${maximum}: ${show(value)}`);
  };

export const oneOf =
  <T extends string>(...allowed: readonly T[]): Reader<T> =>
  (value) => {
    const found = allowed.find((each) => each === value);
    if (found !== undefined) return found;
    throw new NotAsExpected(`is none of ${allowed.map((each) => `"${each}"`).join(', ')}: ${show(value)}`);
  };

export const listOf =
  <T>(read: Reader<T>): Reader<readonly T[]> =>
  (value) => {
    if (Array.isArray(value)) return value.map((each: unknown) => read(each));
    throw new NotAsExpected(`is not a list: ${show(value)}`);
  };

/** `name=value` */
export const assignment: Reader<readonly [string, string]> = (value) => {
  const [, name, right] = /^([^=]+)=(.*)$/s.exec(text(value)) ?? [];
  if (name !== undefined && right !== undefined) return [name.trim(), right];
  throw new NotAsExpected(`has an entry that is not name=value: ${show(value)}`);
};

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** A span of time as Go writes it (`1h30m`, `90s`), in seconds. */
export const duration: Reader<number> = (value) => {
  const whole = text(value);
  const parts = [...whole.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (whole !== '' && parts.map(([part]) => part).join('') === whole) {
    return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (SECONDS[unit] ?? 0), 0);
  }
  throw new NotAsExpected(`is not a span of time such as "90s" or "4h": ${show(value)}`);
};

const ULIMITS = [
  'as',
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

/** `nofile=1024:2048`, or one number for both. */
export const ulimit: Reader<{ readonly type: string; readonly soft: number; readonly hard: number }> = (
  value,
) => {
  const [, name = '', soft = '', hard = soft] =
    /^([a-z]+)=(\d{1,15})(?::(\d{1,15}))?$/.exec(text(value)) ?? [];
  if (!ULIMITS.includes(name)) {
    throw new NotAsExpected(`has an entry that is not a limit such as "nofile=1024:2048": ${show(value)}`);
  }
  if (Number(soft) > Number(hard))
    throw new NotAsExpected(`has a soft limit above the hard one: ${show(value)}`);
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: Number(soft), hard: Number(hard) };
};

export const show = (value: unknown): string =>
  (typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value))).slice(0, 200);
