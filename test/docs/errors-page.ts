import assert from 'node:assert/strict';
import { type FailCode as RuntimeCode, Fail as RuntimeFail } from '../../runtime/core/fail.ts';
import { trailersOf } from '../../runtime/cri/grpc/status.ts';
import { errorPages } from '../../src/cli/error-pages.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { type RuntimeErrorPage, runtimeErrorPages } from '../../src/cli/runtime-error-pages.ts';
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

/** As it stands on a terminal: commands and places of problems are evidence, and the code ends the failure itself. */
const printed = (line: string, code: FailCode): string => {
  if (line.startsWith('$')) return `  ${line}`;
  return /^\S+:\d+:\d+: /.test(line) ? line : `berth: ${line} [${code}]`;
};

const page = (code: FailCode): string[] => {
  const { cause, seen, remedy } = errorPages[code];
  return [
    `## ${code}`,
    '',
    `Exit code ${exitCode(code)}. ${cause}`,
    '',
    '```text',
    ...seen.map((line) => printed(line, code)),
    '```',
    '',
    `**Remedy.** ${remedy}`,
    '',
  ];
};

/** Every code of the runtime has a page, and no other: the compiler asks for both. */
const runtimePages: Readonly<Record<RuntimeCode, RuntimeErrorPage>> = runtimeErrorPages;

const runtimeCodes = Object.keys(runtimeErrorPages) as (keyof typeof runtimeErrorPages)[];

const runtimeTable = (): string[] => [
  '| code | gRPC status | cause | remedy |',
  '| --- | --- | --- | --- |',
  ...runtimeCodes.map((code: RuntimeCode) => {
    const { status, cause, remedy } = runtimePages[code];
    assert.equal(String(status), trailersOf(new RuntimeFail(code, ''))['grpc-status'], code);
    return `| \`${code}\` | ${status} | ${cause} | ${remedy} |`;
  }),
  '',
];

/** The page as docs/errors.md must have it. */
export const errorsPage = (): string =>
  [
    '# Errors',
    '',
    '<!-- Made from src/cli/error-pages.ts and runtime-error-pages.ts by `npm run generate:docs`. -->',
    '',
    'Every error of `berth` ends with its code, which stays the same from release to release; `--json` has it in `error.code`.',
    '`berth errors CODE` prints what stands here. The exit code is that of the first host that failed, in the order of the',
    'profile ([cli.md](cli.md#exit-codes)).',
    '',
    ...table(),
    ...codes.flatMap(page),
    '## Codes of the runtime',
    '',
    'berthd tells the kubelet and crictl its errors as gRPC statuses, as in `rpc error: code = Unavailable`, and its log',
    '(`journalctl -u berthd`) has the code. `berth errors` knows these too.',
    '',
    ...runtimeTable(),
  ].join('\n');
