import { connect } from 'node:net';
import { Fail } from '../../core/fail.ts';
import { withPort } from '../../core/text.ts';
import { untilAborted } from './interrupted.ts';
import type { Wire } from './wire.ts';

export interface Dialled {
  /** Who is dialled, for messages: the host of the profile, or a jump host. */
  readonly label: string;
  readonly host: string;
  readonly port: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** A TCP connection, or Fail `Unreachable` with what the network said. */
export async function dial(to: Dialled): Promise<Wire> {
  const { host, port, signal, deadlineMs } = to;
  const socket = connect({ host, port });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) => reject(unreachable(to, error)));
  });
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    await untilAborted(connected, AbortSignal.any([signal, deadline]), `${to.label}: connecting`);
  } catch (error) {
    socket.destroy();
    if (deadline.aborted && !signal.aborted) throw unreachable(to, undefined);
    throw error;
  }
  socket.setNoDelay(true);
  return socket;
}

/** A host that is booting refuses connections, and has no route and no name for a moment. */
const passing = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET', 'EAI_AGAIN']);

function unreachable(to: Dialled, cause: unknown): Fail {
  const { label, host, port } = to;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'ETIMEDOUT';
  return new Fail(
    'Unreachable',
    `${label}: ${withPort(host, port)} cannot be reached: ${reasonOf(code, to)}`,
    {
      hint: hintOf(code),
      context: { host, port, code, mayPass: passing.has(code) },
      cause,
    },
  );
}

function reasonOf(code: string, { deadlineMs }: Dialled): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection is refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name does not resolve';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no route';
    case 'ETIMEDOUT':
      return `no answer within ${deadlineMs / 1000} s`;
    default:
      return code;
  }
}

function hintOf(code: string): string {
  if (code === 'ECONNREFUSED') return 'Start sshd there, or correct ssh.port.';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'Correct ssh.host, or the name service of this machine.';
  return 'Check that the host is up, and the route and firewalls between.';
}
