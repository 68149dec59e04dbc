import { byteSize, duration } from '../core/text.ts';
import type { ConnectionStats } from '../host/transport/connection.ts';

/** What a command cost, by host. */
export interface RunStats {
  readonly milliseconds: number;
  readonly hosts: readonly {
    readonly host: string;
    readonly address: string;
    readonly connection: ConnectionStats;
  }[];
}

const columns = ['host', 'round trips', 'channels', 'sent', 'received'] as const;

const cells = ({ host, connection }: RunStats['hosts'][number]): string[] => [
  host,
  String(connection.roundTrips),
  String(connection.channels),
  byteSize(connection.bytesSent),
  byteSize(connection.bytesReceived),
];

export const statsText = (stats: RunStats): string => {
  const rows = [[...columns], ...stats.hosts.map(cells)];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((text, index) => (index === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[index] ?? 0)))
      .join('  '),
  );
  return [...lines, `wall time ${duration(stats.milliseconds)}`, ''].join('\n');
};
