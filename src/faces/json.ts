import { type Event, isRed } from '../core/events.ts';
import { CommandFailed, type Fail } from '../core/fail.ts';
import type { Face } from './face.ts';

const failForm = (error: Fail): Record<string, unknown> => ({
  code: error.code,
  message: error.message,
  ...(error.hint === undefined ? {} : { hint: error.hint }),
  ...(Object.keys(error.context).length === 0 ? {} : { context: error.context }),
  ...(error instanceof CommandFailed
    ? { argv: error.argv, exitCode: error.exitCode ?? null, stdout: error.stdout, stderr: error.stderr }
    : {}),
});

const eventForm = (event: Event): Record<string, unknown> =>
  event.kind === 'failed' ? { ...event, error: failForm(event.error) } : event;

/** One JSON object a line: the events as they happen, then the results. docs/cli.md lists the kinds. */
export const jsonFace = (out: NodeJS.WritableStream): Face =>
  formFace((form) => {
    out.write(`${JSON.stringify(form)}\n`);
  });

/** Everything as plain objects, for whoever writes them. */
export const formFace = (print: (form: Record<string, unknown>) => void): Face => {
  const told = new WeakSet<Fail>();
  return {
    emit(event) {
      if (event.kind === 'failed') told.add(event.error);
      print(eventForm(event));
    },
    suspend: (task) => task(),
    plan: (plan) => print({ kind: 'plan', plan }),
    generations: (all) => {
      for (const [host, generations] of all) print({ kind: 'generations', host, generations });
    },
    drift: (host, drifts) => print({ kind: 'drift', host, drifts }),
    adoption: (adoption) => print({ kind: 'adoption', ...adoption }),
    checks: (checks) => {
      for (const [host, list] of checks)
        print({
          kind: 'verified',
          host,
          ok: !list.some(isRed),
          checks: list.length,
          red: list.filter(isRed).map(({ id }) => id),
          notRun: list.filter(({ notRun }) => notRun).map(({ id }) => id),
        });
    },
    findings: (all) => {
      for (const [host, findings] of all) print({ kind: 'findings', host, findings });
    },
    hosts: (hosts) => print({ kind: 'hosts', hosts }),
    explanation: (explanation) => print({ kind: 'explained', ...explanation }),
    stats: (stats) => print({ kind: 'stats', ...stats }),
    message: (text) => print({ kind: 'message', text }),
    failure: (error) => {
      if (!told.has(error)) print({ kind: 'failed', error: failForm(error) });
    },
    end: (exitCode) => print({ kind: 'ended', exitCode }),
  };
};
