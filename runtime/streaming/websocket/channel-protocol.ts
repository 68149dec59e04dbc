import type { RawData } from 'ws';
import type { StatusFormat } from '../remotecommand/status.ts';

/** A subprotocol that multiplexes channels over one WebSocket: each message starts with its channel. */
export interface ChannelProtocol {
  readonly name: string;
  /** Messages are text: the channel as a digit, then base64. Else binary: the channel as a byte. */
  readonly base64: boolean;
  readonly status: StatusFormat;
  /** The client can end one channel with a message on channel 255 (v5). */
  readonly halfClose: boolean;
}

const protocol = (
  name: string,
  base64: boolean,
  status: StatusFormat,
  halfClose = false,
): ChannelProtocol => ({
  name,
  base64,
  status,
  halfClose,
});

const V1 = protocol('channel.k8s.io', false, 'text');

export const CHANNEL_PROTOCOLS: readonly ChannelProtocol[] = [
  protocol('v5.channel.k8s.io', false, 'json', true),
  protocol('v4.channel.k8s.io', false, 'json'),
  protocol('v4.base64.channel.k8s.io', true, 'json'),
  V1,
  protocol('base64.channel.k8s.io', true, 'text'),
];

/** What a client speaks that names no subprotocol. */
export const UNNAMED_PROTOCOL = V1;

/** Channels of remotecommand. */
export const Channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

const DIGIT_ZERO = 0x30;

export const encodeMessage = (
  protocol: ChannelProtocol,
  channel: number,
  payload: Buffer,
): Buffer | string =>
  protocol.base64
    ? `${channel}${payload.toString('base64')}`
    : Buffer.concat([Buffer.from([channel]), payload]);

/** The channel and payload of a message; undefined for an empty one, which means nothing. */
export const decodeMessage = (
  protocol: ChannelProtocol,
  data: RawData,
): { readonly channel: number; readonly payload: Buffer } | undefined => {
  const bytes = asBuffer(data);
  const first = bytes[0];
  if (first === undefined) return undefined;
  const rest = bytes.subarray(1);
  if (!protocol.base64) return { channel: first, payload: rest };
  return { channel: first - DIGIT_ZERO, payload: Buffer.from(rest.toString('latin1'), 'base64') };
};

export const asBuffer = (data: RawData): Buffer => {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
};
