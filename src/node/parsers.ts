import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';

type Parser = (text: string) => unknown;

/** First match wins; what is not listed is free text such as a script. */
const parsers: readonly (readonly [RegExp, Parser])[] = [
  [/^\/etc\/(crio|containers)\/.*\.conf$/, parseToml],
  [/\.(json|conflist)$/, JSON.parse],
  [/^\/etc\/cni\/net\.d\/.*\.conf$/, JSON.parse],
  [/\.ya?ml$/, parseYaml],
  [/\.service$/, parseUnitFile],
];

export const parserOf = (path: string): Parser | undefined =>
  parsers.find(([pattern]) => pattern.test(path))?.[1];

/** systemd.syntax(7), as far as it can go wrong in a template: a line is a section, a comment or a setting in one. */
export function parseUnitFile(text: string): Map<string, [string, string][]> {
  const sections = new Map<string, [string, string][]>();
  let current: [string, string][] | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || /^[#;]/.test(line)) continue;
    const section = /^\[([A-Za-z-]+)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      current = sections.get(section) ?? [];
      sections.set(section, current);
      continue;
    }
    const [, key, value] = /^([A-Za-z]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined || current === undefined) {
      throw new Error(`line ${index + 1} is no setting in a section: ${line}`);
    }
    current.push([key, value]);
  }
  return sections;
}
