import { type Lines, linesOf } from './lines.ts';

/**
 * The ground that a node stands on. It moves by itself (a clock, a route): a plan reads it, and is not bound to it.
 */
export interface HealthFacts {
  /** How far the host's clock is before (+) or behind (-) ours, in seconds; undefined when the host did not say. */
  readonly clockSkewSeconds: number | undefined;
  readonly swaps: readonly SwapFact[];
  /** Undefined: the kernel runs without SELinux. */
  readonly selinux: SelinuxFact | undefined;
  readonly apparmor: { readonly enabled: boolean; readonly parser: boolean };
  /** Options of the file systems under berth's folders, by mount point. */
  readonly mounts: ReadonlyMap<string, MountFact>;
  readonly routes: readonly RouteFact[];
  /** What ufw passes on: from anywhere to a range (`to 10.88.0.0/16`), or from a range to anywhere. */
  readonly ufwRoutes: ReadonlySet<string>;
  /** Tables that have the rules of berth, as `iptables nat`; asked only where its unit is installed. */
  readonly rules: ReadonlySet<string>;
  /** cgroup controllers that the host may use. */
  readonly controllers: ReadonlySet<string>;
}

/** A swap area in use: proc_swaps(5). */
export interface SwapFact {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  readonly usedBytes: number;
  readonly priority: number;
}

export interface SelinuxFact {
  readonly enforcing: boolean;
  /** semanage and restorecon are there. */
  readonly semanage: boolean;
  /** SELinux types of what berth brings, by path. */
  readonly types: ReadonlyMap<string, string>;
}

export interface MountFact {
  readonly type: string;
  readonly options: ReadonlySet<string>;
}

/** The mount point of the file system that holds the folder, among those that the host told. */
export const mountOf = (mounts: HealthFacts['mounts'], folder: string): string | undefined =>
  [...mounts.keys()]
    .filter((point) => point === '/' || folder === point || folder.startsWith(`${point}/`))
    .toSorted((one, other) => other.length - one.length)[0];

export interface RouteFact {
  readonly interface: string;
  /** CIDR. */
  readonly destination: string;
}

/** When the question left us and when its answer was here, in milliseconds since the epoch. */
export interface AskedBetween {
  readonly sent: number;
  readonly received: number;
}

export function parseHealth(lines: Lines, asked?: AskedBetween): HealthFacts {
  const first = (kind: string): string | undefined => linesOf(lines, kind)[0]?.[0];
  return {
    clockSkewSeconds: skewOf(first('clock'), asked),
    swaps: linesOf(lines, 'swap').map(parseSwap),
    selinux: parseSelinux(lines),
    apparmor: { enabled: first('apparmor') === 'Y', parser: linesOf(lines, 'parser').length > 0 },
    mounts: new Map(
      linesOf(lines, 'mount').map(([path = '', type = '', options = '']) => [
        path,
        { type, options: new Set(options.split(',')) },
      ]),
    ),
    routes: [...linesOf(lines, 'route4').map(parseRoute4), ...linesOf(lines, 'route6').map(parseRoute6)],
    ufwRoutes: new Set(linesOf(lines, 'ufw').map(([to = '', from = '']) => routeRule(to, from))),
    rules: new Set(linesOf(lines, 'rules').map(([table = '']) => table)),
    controllers: new Set(linesOf(lines, 'controllers').flatMap(([names = '']) => names.split(' '))),
  };
}

/** ufw writes the range of everything for a side that a rule does not name. */
const routeRule = (to: string, from: string): string =>
  /^(0\.0\.0\.0|::)\/0$/.test(to)
    ? `from ${from}`
    : /^(0\.0\.0\.0|::)\/0$/.test(from)
      ? `to ${to}`
      : `from ${from} to ${to}`;

/** The host read its clock, in whole seconds, somewhere between question and answer: only what cannot be that is skew. */
function skewOf(seconds: string | undefined, asked: AskedBetween | undefined): number | undefined {
  if (seconds === undefined || asked === undefined || !/^\d+$/.test(seconds)) return undefined;
  const host = Number(seconds) * 1000;
  if (host + 1000 < asked.sent) return Math.round((host + 1000 - asked.sent) / 1000) || 0;
  return host > asked.received ? Math.round((host - asked.received) / 1000) : 0;
}

/** The kernel writes blanks in names as `\040`. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

const parseSwap = ([path = '', type = '', size = '0', used = '0', priority = '0']: readonly string[]) => ({
  path: unescaped(path),
  type,
  bytes: Number(size) * 1024,
  usedBytes: Number(used) * 1024,
  priority: Number(priority),
});

/** The third of `user:role:type:level`. */
const typeOf = (context: string): string => context.split(':')[2] ?? context;

function parseSelinux(lines: Lines): SelinuxFact | undefined {
  const [mode] = linesOf(lines, 'selinux');
  if (mode === undefined) return undefined;
  return {
    enforcing: mode[0] === '1',
    semanage: linesOf(lines, 'semanage').length > 0,
    types: new Map(linesOf(lines, 'context').map(([path = '', context = '']) => [path, typeOf(context)])),
  };
}

/** Little-endian words of the kernel, on every machine that berth has programs for. */
const parseRoute4 = ([name = '', destination = '', mask = '']: readonly string[]): RouteFact => {
  const octets = Buffer.from(destination, 'hex').reverse();
  const bits = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
  return { interface: name, destination: `${octets.join('.')}/${bits}` };
};

const parseRoute6 = ([name = '', destination = '', prefix = '']: readonly string[]): RouteFact => ({
  interface: name,
  destination: `${(destination.match(/.{4}/g) ?? []).join(':')}/${Number.parseInt(prefix, 16)}`,
});
