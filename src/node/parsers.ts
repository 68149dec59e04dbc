import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';

type Parser = (text: string) => unknown;

const units = /\.(service|socket|timer|path|mount|automount|swap|slice|target)$/;

/** First match wins; what is not listed is free text, or a script that a shell looks at. */
const parsers: readonly (readonly [RegExp, Parser])[] = [
  [/^\/etc\/(crio|containers)\/.*\.conf$/, parseToml],
  [/\.toml$/, parseToml],
  [/\.(json|conflist)$/, JSON.parse],
  [/^\/etc\/cni\/net\.d\/.*\.conf$/, JSON.parse],
  [/\.ya?ml$/, parseYaml],
  [/^\/etc\/kubernetes\/kubelet\.conf\.d\/.*\.conf$/, parseYaml],
  [units, parseUnitFile],
  [/^\/(etc|usr\/lib)\/systemd\/.*\.conf$/, parseIni],
  [/^\/(etc|usr\/lib)\/NetworkManager\/.*\.conf$/, parseIni],
  [/^\/(etc|usr\/lib)\/sysctl\.d\/.*\.conf$/, parseSysctls],
  [/^\/(etc|usr\/lib)\/modules-load\.d\/.*\.conf$/, parseModules],
  [/\.env$/, parseEnvironment],
];

export const parserOf = (path: string): Parser | undefined =>
  parsers.find(([pattern]) => pattern.test(path))?.[1];

type Sections = Map<string, [string, string][]>;

/** systemd.syntax(7), as far as it can go wrong in a template: a line is a section, a comment or a setting in one. */
export function parseUnitFile(text: string): Sections {
  return sectionsOf(text, /^\[(X-[A-Za-z0-9-]+|[A-Z][A-Za-z]*)\]$/, /^([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*)$/s);
}

/** The looser form of configurations around systemd and NetworkManager. */
export function parseIni(text: string): Sections {
  return sectionsOf(text, /^\[([^[\]]+)\]$/, /^([A-Za-z][A-Za-z0-9_.-]*[+-]?)\s*=\s*(.*)$/s);
}

function sectionsOf(text: string, header: RegExp, setting: RegExp): Sections {
  const sections: Sections = new Map();
  let current: [string, string][] | undefined;
  for (const { line, number } of logicalLines(text)) {
    const section = header.exec(line)?.[1];
    if (section !== undefined) {
      current = sections.get(section) ?? [];
      sections.set(section, current);
      continue;
    }
    const [, key, value] = setting.exec(line) ?? [];
    if (key === undefined || value === undefined || current === undefined) {
      throw new Error(`line ${number} is no setting in a section: ${line}`);
    }
    current.push([key, value]);
  }
  return sections;
}

/** Without comments and empty lines; a backslash at the end joins the next line, comments between them included. */
function* logicalLines(text: string): Generator<{ readonly line: string; readonly number: number }> {
  let begun: { line: string; number: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*[#;]/.test(line) || (begun === undefined && line.trim() === '')) continue;
    const whole = begun === undefined ? line : `${begun.line} ${line}`;
    const number = begun?.number ?? index + 1;
    if (whole.endsWith('\\')) {
      begun = { line: whole.slice(0, -1), number };
      continue;
    }
    yield { line: whole, number };
    begun = undefined;
  }
  if (begun !== undefined) throw new Error(`line ${begun.number} goes on after the end of the file`);
}

const plainLines = (text: string): { readonly line: string; readonly number: number }[] =>
  text
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '' && !/^[#;]/.test(line));

/** sysctl.d(5): `key = value`; `-key = value` where a failure does not matter, `-key` to leave one out of a glob. */
export function parseSysctls(text: string): Map<string, string> {
  return new Map(
    plainLines(text).map(({ line, number }) => {
      const [, key, value] = /^-?([A-Za-z0-9_*?[\]:./-]+)\s*=\s*(\S.*)$/s.exec(line) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      if (/^-[A-Za-z0-9_*?[\]:./-]+$/.test(line)) return [line.slice(1), ''];
      throw new Error(`line ${number} sets no kernel parameter: ${line}`);
    }),
  );
}

/** modules-load.d(5): one name a line. */
export function parseModules(text: string): string[] {
  return plainLines(text).map(({ line, number }) => {
    if (/^[A-Za-z0-9_-]+$/.test(line)) return line;
    throw new Error(`line ${number} is no name of a kernel module: ${line}`);
  });
}

/** EnvironmentFile= of systemd.exec(5), one assignment a line. */
function parseEnvironment(text: string): Map<string, string> {
  return new Map(
    plainLines(text).map(({ line, number }) => {
      const [, name, value] =
        /^([A-Za-z_][A-Za-z0-9_]*)=("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']*)$/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      throw new Error(`line ${number} assigns nothing: ${line}`);
    }),
  );
}
