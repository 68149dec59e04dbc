import { Fail } from '../core/fail.ts';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type Level = (typeof LEVELS)[number];

/** Priorities of sd-daemon(3): journald takes them from `<N>` at the start of a line. */
const PRIORITY: Readonly<Record<Level, number>> = {
  fatal: 2,
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
};

export type Fields = Readonly<Record<string, unknown>>;

/** Lines of `level message key=value …`. Requests, environments and credentials never go in whole. */
export interface Log {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  /** The same log with these fields on every line. */
  with(fields: Fields): Log;
}

export interface LogOptions {
  readonly level: Level;
  readonly write: (line: string) => void;
  /** Standard error is a journald stream: prefix every line with its priority. */
  readonly journal: boolean;
}

export const createLog = (options: LogOptions, fixed: Fields = {}): Log => {
  const threshold = LEVELS.indexOf(options.level);
  const at = (level: Level) => {
    if (LEVELS.indexOf(level) > threshold) return () => {};
    const prefix = options.journal ? `<${PRIORITY[level]}>` : '';
    return (message: string, fields: Fields = {}) =>
      options.write(`${prefix}${level} ${message}${formatFields({ ...fixed, ...fields })}\n`);
  };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    with: (fields) => createLog(options, { ...fixed, ...fields }),
  };
};

/** ` key=value` for each field that has a value; an error becomes its message, code, hint and context. */
const formatFields = (fields: Fields): string =>
  Object.entries(fields)
    .flatMap(([key, value]) => (value instanceof Error ? errorFields(key, value) : [[key, value] as const]))
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${formatValue(value)}`)
    .join('');

/** Where an error came from in the program is told where it is a fault of the program; a `Fail` that is none explains itself. */
const errorFields = (key: string, error: Error, explained = false): (readonly [string, unknown])[] => {
  if (!(error instanceof Fail)) return [[key, explained ? error.message : (error.stack ?? error.message)]];
  return [
    [key, error.message],
    ['code', error.code],
    ['hint', error.hint],
    ...Object.entries(error.context),
    ...(error.cause instanceof Error ? errorFields('cause', error.cause, error.code !== 'Internal') : []),
  ];
};

/** One line whatever the value: anything but plain visible characters is quoted as JSON. */
const formatValue = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, bigintAsText) ?? String(value));
  return /^[^\s"=\\\u0000-\u001f\u007f]+$/.test(text) ? text : JSON.stringify(text);
};

const bigintAsText = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;
