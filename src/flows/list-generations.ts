import type { Generation } from '../host/facts/generations.ts';
import { probeRequest } from '../node/node.ts';
import type { FlowContext } from './context.ts';
import { type HostResults, onHosts } from './on-hosts.ts';
import { probeHost } from './survey.ts';

/** What each host remembers of earlier applies and rollbacks, oldest first. */
export const listGenerations = (context: FlowContext): Promise<HostResults<readonly Generation[]>> =>
  onHosts(context, context.hosts, async (host) => {
    const connection = await context.connect(host);
    const { install } = await probeHost(context, connection, probeRequest(host.spec));
    return install.generations;
  });
