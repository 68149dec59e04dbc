import { quote } from '../host/quote.ts';

/**
 * A value in the syntax of a file, by the name of the helper that writes it so in a template: `{{toml name}}`. Whatever
 * the value holds, it stays one value: what a format cannot express is refused.
 */
export const quoting: Readonly<Record<string, (value: unknown) => string>> = {
  json: (value) => JSON.stringify(value),
  // A JSON string or list of strings is a TOML one too, but for DEL, which TOML wants escaped.
  toml: (value) => JSON.stringify(value).replaceAll('\u007f', String.raw`\u007f`),
  // YAML 1.2 is a superset of JSON, but for the line breaks of Unicode and what it does not count as printable.
  yaml: (value) =>
    JSON.stringify(value).replace(
      /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  sh: (value) => quote(withoutZero(String(value))),
  // systemd.syntax(7): one quoted word in which neither specifiers nor variables are expanded.
  systemd: (value) =>
    `"${oneLine(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`,
  // For formats without any quoting, such as sysctl.d(5): the value must be a line's rest as it is.
  line: (value) => oneLine(value).trim(),
  // A name that becomes a part of a path, a section or a key.
  word: (value) => {
    const text = String(value);
    if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text)) return text;
    throw new Error(`${JSON.stringify(text)} is no word: letters, digits and _ . -`);
  },
};

function oneLine(value: unknown): string {
  const text = String(value);
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text))
    throw new Error(
      `${JSON.stringify(text)} has a line break or a control character, which this format cannot hold`,
    );
  return text;
}

function withoutZero(text: string): string {
  if (text.includes('\u0000')) throw new Error('a zero byte cannot stand in a script');
  return text;
}
