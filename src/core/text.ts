import { stripVTControlCharacters } from 'node:util';

/** Text of foreign origin without what could steer a terminal: escape sequences and control characters but \n and \t. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/\r\n/g, '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');

/** A message about a host for where its name stands already: errors begin with it. */
export const withoutHost = (host: string, message: string): string =>
  message.startsWith(`${host}: `) ? message.slice(host.length + 2) : message;

/** `text` in at most `width` characters; an ellipsis shows that something is missing. */
export const shortened = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** A host, or an address, and its port; that of an IPv6 address stands behind brackets, or it would be one group more. */
export const withPort = (host: string, port: number | string): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** A duration for people: `41 ms`, `3.2 s`, `2 min 05 s`. */
export const duration = (milliseconds: number): string => {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
};

/** A whole number of seconds for people, as large as it may be: `41 s`, `90 minutes`, `12 days`, `10 years`. */
export const timeSpan = (seconds: number): string => {
  const [count, unit] = largest(seconds);
  return unit === 's' ? `${count} s` : counted(count, unit);
};

const largest = (seconds: number): [count: number, unit: string] => {
  const days = seconds / 86_400;
  if (days >= 2 * 365) return [Math.round(days / 365.25), 'year'];
  if (days >= 2) return [Math.round(days), 'day'];
  if (seconds >= 2 * 3600) return [Math.round(seconds / 3600), 'hour'];
  return seconds >= 120 ? [Math.round(seconds / 60), 'minute'] : [seconds, 's'];
};

/** A number of bytes for people, in binary units: `12.1 MiB`. */
export const byteSize = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
};

/** `one change`, `2 changes`. */
export const counted = (count: number, noun: string): string =>
  count === 1 ? `one ${noun}` : `${count} ${noun}s`;

/** `a, b, c`, and of more than three names `a, b and 7 others`. */
export const listed = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} others`;
