import { isRed } from '../core/events.ts';
import { CommandFailed, type Fail } from '../core/fail.ts';
import type { Face } from './face.ts';
import type { Line } from './stream/lines.ts';
import { streamVersion } from './stream/version.ts';

/** What JSON makes of a value. */
type AsJson<Value> = Value extends { toJSON(): infer Form }
  ? Form
  : Value extends readonly (infer Item)[]
    ? readonly AsJson<Item>[]
    : Value extends object
      ? { readonly [Key in keyof Value]: AsJson<Value[Key]> }
      : Value;

/** Takes what becomes a line of the documented kinds, and nothing else. */
type Print = <const Form extends object>(form: AsJson<Form> extends Line ? Form : never) => void;

const failForm = (error: Fail) => ({
  code: error.code,
  message: error.message,
  ...(error.hint === undefined ? {} : { hint: error.hint }),
  ...(Object.keys(error.context).length === 0 ? {} : { context: error.context }),
  ...(error instanceof CommandFailed
    ? { argv: error.argv, exitCode: error.exitCode ?? null, stdout: error.stdout, stderr: error.stderr }
    : {}),
});

/** One JSON object a line: the events as they happen, then the results. docs/events.md lists the kinds. */
export const jsonFace = (out: NodeJS.WritableStream, berth: string): Face => {
  const print: Print = (form) => {
    out.write(`${JSON.stringify(form)}\n`);
  };
  print({ kind: 'started', version: streamVersion, berth });
  return formFace(print);
};

/** Everything as objects that become lines, for whoever writes them. */
export const formFace = (print: Print): Face => {
  const told = new WeakSet<Fail>();
  return {
    emit(event) {
      if (event.kind !== 'failed') return print(event);
      told.add(event.error);
      print({ ...event, error: failForm(event.error) });
    },
    suspend: (task) => task(),
    plan: (plan) => print({ kind: 'plan', plan }),
    generations: (all) => {
      for (const [host, generations] of all) print({ kind: 'generations', host, generations });
    },
    drift: (host, drifts) => print({ kind: 'drift', host, drifts }),
    adoption: (adoption) => print({ kind: 'adoption', ...adoption }),
    checks: (verified) => {
      for (const [host, { checks: list }] of verified)
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
