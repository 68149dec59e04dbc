import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fail } from '../../core/fail.ts';
import { kubectl, type Place, runThere } from './kubectl.ts';

/** The parts of a Node object that are looked at. */
const nodeForm = z.object({
  spec: z.object({ unschedulable: z.boolean().default(false) }).default({ unschedulable: false }),
  status: z
    .object({
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), message: z.string().default('') }))
        .default([]),
      nodeInfo: z.object({ machineID: z.string().default('') }).default({ machineID: '' }),
    })
    .default({ conditions: [], nodeInfo: { machineID: '' } }),
});

export type NodeState = z.output<typeof nodeForm>;

/** The node as the cluster knows it; undefined: it knows none of this name. A node may ask for itself. */
export async function nodeState(
  place: Place,
  as: 'admin' | 'node',
  name: string,
): Promise<NodeState | undefined> {
  const text = await kubectl(place, as, ['get', 'node', name, '--ignore-not-found', '-o', 'json']);
  if (text.trim() === '') return undefined;
  const parsed = nodeForm.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new Fail(
    'Internal',
    `kubectl describes the node ${name} in an unknown form: ${parsed.error.message}`,
  );
}

/** The name that kubeadm gives a node: that of its host. */
export const nodeName = async (host: Place): Promise<string> =>
  (await runThere(host, ['uname', '-n'], 30)).trim().toLowerCase();

/** A node is ready when its network is, which its own images may have to be pulled for. */
const readyWithinSeconds = 300;
const betweenLooksMs = 2000;

/** What a node that has just begun still lacks: its API server may not answer it yet. Undefined: nothing. */
async function whyNotReady(node: Place, name: string): Promise<string | undefined> {
  try {
    const state = await nodeState(node, 'node', name);
    if (state === undefined) return 'the cluster does not know it';
    const ready = state.status.conditions.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' ? undefined : (ready?.message ?? 'it says nothing');
  } catch (error) {
    if (error instanceof Fail && error.code === 'CommandFailed') return error.message;
    throw error;
  }
}

/** Waits on the node itself. @throws Fail `DeadlineExceeded` saying what it still lacks */
export async function untilReady(node: Place, name: string): Promise<void> {
  const end = performance.now() + readyWithinSeconds * 1000;
  for (;;) {
    const why = await whyNotReady(node, name);
    if (why === undefined) return;
    if (performance.now() > end)
      throw new Fail('DeadlineExceeded', `${name} is not ready after ${readyWithinSeconds} s: ${why}`, {
        hint: 'See why with: journalctl -u kubelet -n 50 on the host.',
      });
    await sleep(betweenLooksMs, undefined, { signal: node.signal });
  }
}
