/*
 * What `ssh -v` writes. The lines are read as evidence of how far a connection came and of what the other side said in
 * the protocol; what none of them shows is an unreachable host, with ssh's own last words.
 */

export interface LogEvidence {
  /** The other side's SSH version came: there is an SSH server, and it talks to us. */
  readonly greeted: boolean;
  /** What came before a version, or instead of one. */
  readonly greeting: string;
  /** The type and fingerprint of the host key that was shown. */
  readonly hostKey: { readonly type: string; readonly fingerprint: string } | undefined;
  /** The key exchange is over: the host key was accepted. */
  readonly exchanged: boolean;
  /** A first way to log in was accepted, and the host wants another one besides. */
  readonly partial: boolean;
  /** What was tried to log in, in order. */
  readonly attempts: readonly string[];
  /** The methods that the server accepts, as it said last. */
  readonly offered: readonly string[] | undefined;
  /** The lines that are no debugging. */
  readonly words: readonly string[];
}

export function readLog(log: string): LogEvidence {
  const lines = log.split(/\r?\n/).filter((line) => line !== '');
  const text = lines.join('\n');
  const hostKey = /Server host (?:key|certificate): (\S+) ([^\s,]+)/.exec(text);
  const offered = [...text.matchAll(/Authentications that can continue: (\S+)/g)].at(-1)?.[1];
  return {
    greeting: [...text.matchAll(/banner line \d+: (.*)/g)].map(([, line]) => line).join('\n'),
    greeted: /Remote protocol version /.test(text),
    hostKey: hostKey === null ? undefined : { type: hostKey[1] ?? '', fingerprint: hostKey[2] ?? '' },
    exchanged: /SSH2_MSG_NEWKEYS received/.test(text),
    partial: /^(?:debug1: )?Authenticated using .* with partial success/m.test(text),
    attempts: lines.flatMap(attemptOf),
    offered: offered?.split(','),
    words: lines.filter((line) => !/^(debug\d:|OpenSSH_)/.test(line)),
  };
}

function attemptOf(line: string): string[] {
  const key = /^debug1: (?:Offering public key|Trying private key): (.+)$/.exec(line)?.[1];
  if (key !== undefined) return [labelOfKey(key)];
  const method = /^debug1: Next authentication method: (\S+)$/.exec(line)?.[1];
  return method === undefined || method === 'publickey' ? [] : [method];
}

/** `FILE TYPE FINGERPRINT explicit`, or `COMMENT TYPE FINGERPRINT agent`, or the file alone. */
function labelOfKey(text: string): string {
  const [, name, fingerprint, rest = ''] = /^(.+) \S+ (SHA256:\S+)(.*)$/.exec(text) ?? [];
  if (name === undefined) return `key ${text}`;
  return `${/\bagent\b/.test(rest) ? 'agent key' : 'key'} ${name} (${fingerprint})`;
}

/** The part of a log that speaks of the last host of a way: what follows after the last one that let us in. */
export function afterLastLogin(log: string): { readonly log: string; readonly logins: number } {
  const parts = log.split(/^Authenticated to .*$/m);
  return { log: parts.at(-1) ?? '', logins: parts.length - 1 };
}

/** The channel that the master gave a client, from the client's log. */
export const sessionOf = (clientLog: string): string | undefined =>
  /master session id: (\d+)/.exec(clientLog)?.[1];

/** How the command of a channel ended, from the master's log: with a code, by a signal, or not at all. */
export function endOfSession(masterLog: string, session: string): 'exit-status' | 'exit-signal' | undefined {
  const ends = [...masterLog.matchAll(/channel (\d+) rtype (exit-status|exit-signal) /g)];
  const end = ends.findLast(([, channel]) => channel === session)?.[2];
  return end === 'exit-status' || end === 'exit-signal' ? end : undefined;
}
