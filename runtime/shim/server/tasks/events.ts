import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { fromBinary } from '@bufbuild/protobuf';
import type { Log } from '../../../observe/log.ts';
import { Events } from '../../../spec/ttrpc/task/events_pb.js';
import { TaskOOMSchema } from '../../../spec/ttrpc/task/task_events_pb.js';
import { socketConduit } from '../../../ttrpc/conduit.ts';
import { serve } from '../../../ttrpc/server.ts';
import { implement } from '../../../ttrpc/service.ts';

/** Takes the events of shims: of all that they tell only want of memory is not learned otherwise. Returns its end. */
export const serveEvents = (path: string, onOom: (id: string) => void, log: Log): (() => void) => {
  rmSync(path, { force: true });
  const service = implement(Events, {
    forward: async ({ envelope }) => {
      if (envelope?.topic === '/tasks/oom' && envelope.event !== undefined)
        onOom(fromBinary(TaskOOMSchema, envelope.event.value).containerId);
      return {};
    },
  });
  const server = createServer((socket) => serve(socketConduit(socket), [service]));
  server.on('error', (error) => log.error('events of shims cannot be taken', { path, error }));
  const umask = process.umask(0o177);
  server.listen(path);
  process.umask(umask);
  return () => server.close();
};
