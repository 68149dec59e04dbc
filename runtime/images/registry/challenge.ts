/** What a registry demands in WWW-Authenticate (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
const PARAMETER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/;

/** Parses one header value, which may hold several challenges. What is malformed ends the parse, quietly: nothing is authorized by it. */
export const parseChallenges = (header: string): readonly Challenge[] => {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header.trim();
  while (rest !== '') {
    const parameter = PARAMETER.exec(rest);
    const current = challenges.at(-1);
    if (parameter !== null && current !== undefined) {
      const [whole, name = '', quoted, plain = ''] = parameter;
      current.parameters[name.toLowerCase()] = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
      rest = afterComma(rest.slice(whole.length));
      continue;
    }
    const scheme = TOKEN.exec(rest)?.[0];
    if (scheme === undefined) break;
    challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    rest = afterComma(rest.slice(scheme.length));
  }
  return challenges;
};

const afterComma = (text: string): string => text.replace(/^[\s,]+/, '');
