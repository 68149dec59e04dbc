import { withPort } from '../../core/text.ts';
import { parseHop } from '../../profile/jump-host.ts';

/** What options of ssh say of the way to a host. */
export interface SshOptions {
  /** Jump hosts, the nearest first; undefined: none are named. */
  readonly jump: readonly string[] | undefined;
  /** Options that lead another way, which berth does not follow. */
  readonly others: readonly string[];
}

/** Reads what Ansible hands to ssh in `ansible_ssh_common_args`. Options that say nothing of the way are passed over. */
export function sshOptions(text: string): SshOptions {
  let jump: readonly string[] | undefined;
  const others: string[] = [];
  for (const [key, value] of pairsIn(wordsOf(text))) {
    const hops =
      key === 'proxycommand' ? forwardedBy(value) : key === 'proxyjump' ? hopsIn(value) : undefined;
    if (hops !== undefined) jump = hops;
    else if (key === 'proxycommand' || key === 'proxyjump') others.push(value);
    else if (key === '-F') others.push(`-F ${value}`);
  }
  return { jump, others };
}

/** As a shell parts words, so far as options of ssh need it. */
const wordsOf = (text: string): string[] =>
  (text.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? []).map((word) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );

/** Options with their values; those of -o by their names in small letters, as ssh compares them. */
function pairsIn(words: readonly string[]): readonly (readonly [key: string, value: string])[] {
  return words.flatMap((word, at): (readonly [string, string])[] => {
    const [, letter, joined = ''] = /^-([JoF])(.*)$/s.exec(word) ?? [];
    if (letter === undefined) return [];
    const value = joined === '' ? (words[at + 1] ?? '') : joined;
    if (letter !== 'o') return [[letter === 'J' ? 'proxyjump' : `-${letter}`, value]];
    const [, name = '', rest = ''] = /^\s*([A-Za-z]+)\s*[=\s]\s*(.*)$/s.exec(value) ?? [];
    return [[name.toLowerCase(), rest]];
  });
}

const hopsIn = (value: string): readonly string[] | undefined => {
  if (value.toLowerCase() === 'none') return [];
  const hops = value.split(',').map((hop) => hop.trim());
  return hops.every((hop) => typeof parseHop(hop) !== 'string') ? hops : undefined;
};

/** `ssh -W %h:%p user@bastion` is a jump host in the words of the time before there was ProxyJump. */
function forwardedBy(command: string): readonly string[] | undefined {
  const [program, ...words] = wordsOf(command);
  if (program !== 'ssh') return undefined;
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, letter, joined = ''] = /^-([WplJ])(.*)$/.exec(word) ?? [];
    if (letter !== undefined) options.set(letter, joined === '' ? (words.shift() ?? '') : joined);
    else if (!/^-[qaAxTnC]+$/.test(word)) rest.push(word);
  }
  const [bastion] = rest;
  if (options.get('W') !== '%h:%p' || bastion === undefined || rest.length !== 1 || options.has('J'))
    return undefined;
  const [user, port] = [options.get('l'), options.get('p')];
  const host = bastion.lastIndexOf('@') + 1;
  const place = port === undefined ? bastion : bastion.slice(0, host) + withPort(bastion.slice(host), port);
  return hopsIn(user === undefined ? place : `${user}@${place}`);
}
