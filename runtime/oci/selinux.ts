import { randomInt } from 'node:crypto';
import { Fail } from '../core/fail.ts';
import type { SELinuxOption } from '../spec/cri/api_pb.js';

/** Labels of the policy for containers (container-selinux): `user:role:type:level`. */
export interface SelinuxLabels {
  readonly process: string;
  /** Of what the process may read and write. */
  readonly file: string;
}

export interface SelinuxWish {
  /** The kernel has a policy. */
  readonly enabled: boolean;
  /** crio.conf's selinux: containers that ask for nothing are labelled too. */
  readonly always: boolean;
  readonly privileged: boolean;
  readonly container: SELinuxOption | undefined;
  readonly pod: SELinuxOption | undefined;
  /** The pod's own level. */
  readonly level: string | undefined;
}

/**
 * The container's labels; undefined: it has the OCI runtime's, as a privileged one has. What the container leaves out
 * is as the pod says, so that containers of a pod share files and those of others are out of reach.
 * Fails `InvalidArgument` for what is no part of a label.
 */
export const selinuxLabels = (wish: SelinuxWish): SelinuxLabels | undefined => {
  const { enabled, always, privileged, container, pod, level } = wish;
  const asked = container !== undefined || pod !== undefined;
  if (!enabled || privileged || !(always || asked)) return undefined;
  const part = (field: 'user' | 'role' | 'type', otherwise: string): string =>
    requirePart(field, container?.[field] || pod?.[field] || otherwise);
  const own = requireLevel(container?.level || pod?.level || level || 's0');
  const user = part('user', 'system_u');
  return {
    process: `${user}:${part('role', 'system_r')}:${part('type', 'container_t')}:${own}`,
    file: `${user}:object_r:container_file_t:${own}`,
  };
};

const requirePart = (field: string, text: string): string => {
  if (/^[A-Za-z0-9_.]+$/.test(text)) return text;
  throw new Fail('InvalidArgument', `selinux_options.${field} ${JSON.stringify(text)} is not one word`);
};

/** A sensitivity with categories, or a range of two: `s0`, `s0:c1,c2`, `s0-s15:c0.c1023`. */
const LEVEL = /^s\d+(:c\d+([.,]c\d+)*)?(-s\d+(:c\d+([.,]c\d+)*)?)?$/;

const requireLevel = (text: string): string => {
  if (LEVEL.test(text)) return text;
  throw new Fail('InvalidArgument', `selinux_options.level ${JSON.stringify(text)} is not a level`, {
    hint: 'write s0, or with categories s0:c1,c2',
  });
};

/** Categories of the policy for containers. */
const CATEGORIES = 1024;

/** Two categories that no other pod has: the policy keeps containers with different ones apart. */
export const newLevel = (taken: ReadonlySet<string>): string => {
  for (;;) {
    const [one, other] = [randomInt(CATEGORIES), randomInt(CATEGORIES)];
    const level = `s0:c${Math.min(one, other)},c${Math.max(one, other)}`;
    // Pods are hundreds, pairs half a million: the second try at most, nearly always.
    if (one !== other && !taken.has(level)) return level;
  }
};
