import { type FailCode as RuntimeCode, Fail as RuntimeFail } from '../../runtime/core/fail.ts';
import { trailersOf } from '../../runtime/cri/grpc/status.ts';
import { errorPages } from '../../src/cli/error-pages.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { Fail, type FailCode } from '../../src/core/fail.ts';

/* docs/errors.md, from the pages that `berth errors` prints and from the codes of the runtime. */

const anchor = (code: string): string => code.toLowerCase();

const exitCode = (code: FailCode): number => exitCodeOf(new Fail(code, ''));

const codes = Object.keys(errorPages) as FailCode[];

const table = (): string[] => [
  '| code | exit code | cause |',
  '| --- | --- | --- |',
  ...codes.map(
    (code) => `| [\`${code}\`](#${anchor(code)}) | ${exitCode(code)} | ${errorPages[code].cause} |`,
  ),
  '',
];

const page = (code: FailCode): string[] => {
  const { cause, seen, remedy } = errorPages[code];
  return [
    `## ${code}`,
    '',
    `Exit code ${exitCode(code)}. ${cause}`,
    '',
    '```text',
    ...seen.map((line) => (line.startsWith('$') ? line : `berth: ${line} [${code}]`)),
    '```',
    '',
    `**Remedy.** ${remedy}`,
    '',
  ];
};

interface RuntimePage {
  readonly cause: string;
  readonly remedy: string;
}

/** Every code of the runtime has a page: the compiler asks for it. */
const runtimePages: Readonly<Record<RuntimeCode, RuntimePage>> = {
  InvalidArgument: {
    cause: 'The request of the kubelet, or a file of berthd, says something that cannot be.',
    remedy:
      'The message names the field, or file, line and key. Correct the pod or the file; berthd config checks the files.',
  },
  NotFound: {
    cause: 'There is no such pod, container or image, or the registry has no such image.',
    remedy:
      'For an image: look at its name and tag. A container that is gone is no trouble: the kubelet asks until it is.',
  },
  AlreadyExists: {
    cause: 'A pod or container of that name is there already.',
    remedy: 'The kubelet finds it by itself. By hand: crictl ps -a, then remove the old one.',
  },
  FailedPrecondition: {
    cause: 'It is not in the state that the call needs, or the node lacks what it needs.',
    remedy:
      'The message says which: start the container before exec, configure a network before pods, load a profile.',
  },
  PermissionDenied: {
    cause: 'The policy for images (policy.json) or the kernel refuses it.',
    remedy:
      'See which rule of the policy applies, or what the kernel log says; /etc/containers/policy.json is read at SIGHUP.',
  },
  Unauthenticated: {
    cause: 'The registry wants a login, or refuses the one it was given.',
    remedy: 'Give spec.registries.auth in the profile, or an imagePullSecret to the pod.',
  },
  ResourceExhausted: {
    cause: 'A disk, a table or a limit is full, or an answer is larger than may be.',
    remedy: 'The message says which; berth doctor names disks, inotify and conntrack by itself.',
  },
  DeadlineExceeded: {
    cause: 'The time of the caller was over first.',
    remedy:
      'What was begun is undone or finished in the background; the kubelet tries again. If it stays, look at the load of disks.',
  },
  Cancelled: { cause: 'The caller hung up.', remedy: 'Nothing: what was begun is undone.' },
  Unimplemented: {
    cause: 'The CRI call or option is one that berthd does not have.',
    remedy: 'The message names it, and what to use in place of it where there is something.',
  },
  Unavailable: {
    cause: 'berth-shim, the registry or the network does not answer now.',
    remedy: 'It is tried again by the kubelet. If it stays: systemctl status berth-shim, and berth doctor.',
  },
  DataLoss: {
    cause: 'Bytes have another digest than they must have. They were thrown away.',
    remedy: 'Pull again; if it stays, ask who runs the mirror that the message names.',
  },
  Internal: {
    cause: 'A fault of berthd, or a program that it started failed in a way that nobody foresaw.',
    remedy: 'journalctl -u berthd -u berth-shim has the whole error; report it.',
  },
};

/** The number that a client of the CRI gets. */
const statusOf = (code: RuntimeCode): string => trailersOf(new RuntimeFail(code, ''))['grpc-status'] ?? '';

const runtimeCodes = Object.keys(runtimePages) as RuntimeCode[];

const runtimeTable = (): string[] => [
  '| code | gRPC status | cause | remedy |',
  '| --- | --- | --- | --- |',
  ...runtimeCodes.map((code) => {
    const { cause, remedy } = runtimePages[code];
    return `| \`${code}\` | ${statusOf(code)} | ${cause} | ${remedy} |`;
  }),
  '',
];

/** The page as docs/errors.md must have it. */
export const errorsPage = (): string =>
  [
    '# Errors',
    '',
    '<!-- Made from src/cli/error-pages.ts by `npm run generate:docs`. -->',
    '',
    'Every error of `berth` ends with its code, which stays the same from release to release; `--json` has it in `error.code`.',
    '`berth errors CODE` prints what stands here. The exit code is that of the first host that failed, in the order of the',
    'profile ([cli.md](cli.md#exit-codes)).',
    '',
    ...table(),
    ...codes.flatMap(page),
    '## Codes of the runtime',
    '',
    'berthd tells the kubelet and crictl its errors as gRPC statuses, and its log (`journalctl -u berthd`) has the code.',
    '',
    ...runtimeTable(),
  ].join('\n');
