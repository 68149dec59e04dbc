import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** The parts of ginkgo's JSON report that we read. RunTime is in nanoseconds. */
const REPORT = z.array(
  z.object({
    SpecReports: z.array(
      z.object({
        ContainerHierarchyTexts: z.array(z.string()).nullish(),
        LeafNodeType: z.string(),
        LeafNodeText: z.string(),
        State: z.string(),
        RunTime: z.number(),
        Failure: z
          .object({
            Message: z.string().default(''),
            Location: z.object({ FileName: z.string(), LineNumber: z.number() }).partial().optional(),
          })
          .nullish(),
        CapturedGinkgoWriterOutput: z.string().optional(),
      }),
    ),
  }),
);

export interface SpecOutcome {
  /** Without the `[k8s.io]` that all of them begin with. */
  readonly name: string;
  /** `skipped` is what the spec decided itself; `failed` also what panicked, timed out or was interrupted. */
  readonly outcome: 'passed' | 'skipped' | 'failed';
  readonly seconds: number;
  /** Why it was skipped or failed, and where. */
  readonly message: string;
  /** What critest noted on the way. */
  readonly output: string;
}

/** What became of the specs that this run of critest was to run; those that its filter left out are not among them. */
export const readReport = async (path: string): Promise<readonly SpecOutcome[]> => {
  const reports = REPORT.parse(JSON.parse(await readFile(path, 'utf8')));
  return (
    reports
      .flatMap(({ SpecReports }) => SpecReports)
      // Set-up of the suite is no spec, unless it fails.
      .filter(({ LeafNodeType, State }) => LeafNodeType === 'It' || State !== 'passed')
      // Ginkgo calls a spec skipped too that its filter left out; only Skip() gives a message.
      .filter(({ State, Failure }) => State !== 'skipped' || (Failure?.Message ?? '') !== '')
      .map((spec) => ({
        name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText]
          .join(' ')
          .replace(/^\[k8s\.io\] /, ''),
        outcome: outcomeOf(spec.State),
        seconds: spec.RunTime / 1e9,
        message: [
          spec.Failure?.Message,
          spec.Failure?.Location === undefined
            ? undefined
            : `${spec.Failure.Location.FileName}:${spec.Failure.Location.LineNumber}`,
        ]
          .filter((part) => part !== undefined)
          .join('\n'),
        output: spec.CapturedGinkgoWriterOutput ?? '',
      }))
  );
};

const outcomeOf = (state: string): SpecOutcome['outcome'] =>
  state === 'passed' || state === 'skipped' ? state : 'failed';
