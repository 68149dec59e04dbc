import { stateFolder } from '../host/script/state.ts';
import { chooseTransport } from '../host/transport/choose-transport.ts';
import type { Connection } from '../host/transport/connection.ts';
import { addressText } from '../host/transport/jump-hosts.ts';
import { addressBook } from '../inventory/address.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { type HostFailure, onHosts } from './on-hosts.ts';

/** A host of the profile, with everything that ssh_config and defaults add. */
export interface ListedHost {
  readonly host: string;
  /** Name or address, as resolved; undefined for this machine. */
  readonly address?: string;
  readonly port?: number;
  readonly user?: string;
  /** `user@host:port` of the jump hosts on the way, the nearest first. */
  readonly jump: readonly string[];
  readonly groups: readonly string[];
  readonly transport: 'ssh2' | 'openssh' | 'local';
  /** Why it is OpenSSH. */
  readonly because: readonly string[];
  /** What it said of itself, where it was asked. */
  readonly seen?: SeenHost;
}

export interface SeenHost {
  readonly os: string;
  /** As `uname -m` says. */
  readonly arch: string;
  readonly kernel: string;
  /** Version of berth's release on the host. */
  readonly berth?: string;
  /** Number of the last apply. */
  readonly generation?: number;
  /** From the first packet to the answer. */
  readonly milliseconds: number;
}

export interface ListedHosts {
  readonly hosts: readonly ListedHost[];
  readonly failures: readonly HostFailure[];
}

/** The hosts as they are reached; `check`: each is asked what it is. Those that fail are listed too. */
export async function listHosts(
  context: FlowContext,
  { check }: { readonly check: boolean },
): Promise<ListedHosts> {
  const addressOf = addressBook(context.signal);
  const listed = new Map<string, ListedHost>();
  const { done, failures } = await onHosts(context, context.hosts, async (host) => {
    const itself = await describe(host, addressOf);
    listed.set(host.name, itself);
    return check ? { ...itself, seen: await look(context, host) } : itself;
  });
  const hosts = context.hosts.flatMap(({ name }) => done.get(name) ?? listed.get(name) ?? []);
  return { hosts, failures };
}

async function describe(host: HostEntry, addressOf: ReturnType<typeof addressBook>): Promise<ListedHost> {
  const { name, groups } = host;
  const ssh = await addressOf(host);
  if (ssh === 'local') return { host: name, jump: [], groups, transport: 'local', because: [] };
  const { transport, because } = await chooseTransport(name, ssh);
  return {
    host: name,
    address: ssh.host,
    port: ssh.port,
    user: ssh.user,
    jump: (ssh.jump ?? []).map(addressText),
    groups,
    transport,
    because,
  };
}

/** Tab-separated: what the host says of itself. As the login user would see it, and nothing is changed. */
const lookScript = `for f in /etc/os-release /usr/lib/os-release; do
  [ -r "$f" ] && { . "$f"; break; }
done
printf 'os\\t%s\\narch\\t%s\\nkernel\\t%s\\n' "\${PRETTY_NAME:-unknown}" "$(uname -m)" "$(uname -r)"
v=$(readlink /usr/lib/berth/current) && printf 'berth\\t%s\\n' "\${v##*/}"
for d in ${stateFolder}/generations/*/; do [ -d "$d" ] && g=\${d%/}; done
[ -n "$g" ] && printf 'generation\\t%s\\n' "\${g##*/}"
exit 0
`;

const lookDeadlineMs = 60_000;

async function look(context: FlowContext, host: HostEntry): Promise<SeenHost> {
  const started = performance.now();
  const connection = await context.connect(host);
  const said = await ask(connection, context.signal);
  const generation = said.get('generation');
  const berth = said.get('berth');
  return {
    os: said.get('os') ?? 'unknown',
    arch: said.get('arch') ?? 'unknown',
    kernel: said.get('kernel') ?? 'unknown',
    ...(berth === undefined ? {} : { berth }),
    ...(generation === undefined ? {} : { generation: Number(generation) }),
    milliseconds: Math.round(performance.now() - started),
  };
}

async function ask(connection: Connection, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(lookDeadlineMs)]);
  const { stdout } = await connection.sh(lookScript, { signal: deadline });
  const fields = stdout.split('\n').flatMap((line) => {
    const at = line.indexOf('\t');
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
  });
  return new Map(fields);
}
