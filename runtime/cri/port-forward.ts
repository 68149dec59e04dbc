import { dialPod } from '../pods/dial.ts';
import { requireReady } from '../pods/record.ts';
import type { PortForwardRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { seenPod } from './pod-sandbox-status.ts';
import { requirePort } from './requests.ts';

/** A URL at which the client may open connections to ports of the pod. */
export const portForward = async (daemon: Daemon, request: PortForwardRequest) => {
  const record = seenPod(daemon, request.podSandboxId);
  requireReady(record, 'forward ports');
  for (const port of request.port) requirePort('port', port, 1);
  const url = daemon.streaming.portForwardUrl((port, signal) => dialPod(record, port, signal), request.port);
  return { url };
};
