/** What `berth errors` and docs/errors.md say of a code that berthd gives out. */
export interface RuntimeErrorPage {
  /** The number of the gRPC status, as clients of the CRI get it. */
  readonly status: number;
  readonly cause: string;
  readonly remedy: string;
}

/**
 * The codes of berthd, which are those of gRPC: crictl and the kubelet show them as `code = NAME`. Whoever makes the page of
 * the documentation compares them with the runtime's own.
 */
export const runtimeErrorPages = {
  InvalidArgument: {
    status: 3,
    cause: 'The request of the kubelet, or a file of berthd, says something that cannot be.',
    remedy:
      'The message names the field, or file, line and key. Correct the pod or the file; berthd config checks the files.',
  },
  NotFound: {
    status: 5,
    cause: 'There is no such pod, container or image, or the registry has no such image.',
    remedy:
      'For an image: look at its name and tag. A container that is gone is no trouble: the kubelet asks until it is.',
  },
  AlreadyExists: {
    status: 6,
    cause: 'A pod or container of that name is there already.',
    remedy: 'The kubelet finds it by itself. By hand: crictl ps -a, then remove the old one.',
  },
  FailedPrecondition: {
    status: 9,
    cause: 'It is not in the state that the call needs, or the node lacks what it needs.',
    remedy:
      'The message says which: start the container before exec, configure a network before pods, load a profile.',
  },
  PermissionDenied: {
    status: 7,
    cause: 'The policy for images (policy.json) or the kernel refuses it.',
    remedy:
      'See which rule of the policy applies, or what the kernel log says. signature_policy of crio.conf names the policy, which is /etc/berth/policy.json on nodes that berth made, from spec.policy; berthd reads it again at SIGHUP.',
  },
  Unauthenticated: {
    status: 16,
    cause: 'The registry wants a login, or refuses the one it was given.',
    remedy: 'Give spec.registries.auth in the profile, or an imagePullSecret to the pod.',
  },
  ResourceExhausted: {
    status: 8,
    cause: 'A disk, a table or a limit is full, or an answer is larger than may be.',
    remedy: 'The message says which; berth doctor names disks, inotify and conntrack by itself.',
  },
  DeadlineExceeded: {
    status: 4,
    cause: 'The time of the caller was over first.',
    remedy:
      'What was begun is undone or finished in the background; the kubelet tries again. If it stays, look at the load of disks.',
  },
  Cancelled: { status: 1, cause: 'The caller hung up.', remedy: 'Nothing: what was begun is undone.' },
  Unimplemented: {
    status: 12,
    cause: 'The CRI call or option is one that berthd does not have.',
    remedy: 'The message names it, and what to use in place of it where there is something.',
  },
  Unavailable: {
    status: 14,
    cause: 'berth-shim, the registry or the network does not answer now.',
    remedy: 'It is tried again by the kubelet. If it stays: systemctl status berth-shim, and berth doctor.',
  },
  DataLoss: {
    status: 15,
    cause:
      'Bytes of a registry have another digest than they must have and were thrown away, a record or an image on the disk is damaged, or the disk has a fault (EIO).',
    remedy:
      'The message says which. Of a registry: pull again; if it stays, ask who runs the mirror that the message names. Of the disk: dmesg tells of faults, and the hint what to remove or to pull again.',
  },
  Internal: {
    status: 13,
    cause: 'A fault of berthd, or a program that it started failed in a way that nobody foresaw.',
    remedy: 'journalctl -u berthd -u berth-shim has the whole error; report it.',
  },
} as const satisfies Readonly<Record<string, RuntimeErrorPage>>;

export type RuntimeCode = keyof typeof runtimeErrorPages;
