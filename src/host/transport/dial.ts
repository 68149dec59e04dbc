import { connect, type Socket } from 'node:net';
import { Fail } from '../../core/fail.ts';
import { untilAborted } from './interrupted.ts';

const deadlineMs = 15_000;

/** A TCP connection, or Fail `Unreachable` with what the network said. */
export async function dial(
  hostName: string,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect({ host, port });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) => reject(unreachable(hostName, host, port, error)));
  });
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    await untilAborted(connected, AbortSignal.any([signal, deadline]), `${hostName}: connecting`);
  } catch (error) {
    socket.destroy();
    if (deadline.aborted && !signal.aborted) throw unreachable(hostName, host, port, error);
    throw error;
  }
  socket.setNoDelay(true);
  return socket;
}

function unreachable(hostName: string, host: string, port: number, cause: unknown): Fail {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'ETIMEDOUT';
  return new Fail('Unreachable', `${hostName}: ${host}:${port} cannot be reached: ${reasonOf(code)}`, {
    hint: hintOf(code),
    context: { host, port, code },
    cause,
  });
}

function reasonOf(code: string): string {
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
    case 'DeadlineExceeded':
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
