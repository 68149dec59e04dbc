import type { Event } from '../core/events.ts';
import { CommandFailed, Fail, type FailDetails } from '../core/fail.ts';
import { hasSecrets, Secret, scrub } from '../core/secret.ts';
import type { Face } from './face.ts';

/** Data with every secret in its texts masked. Data without one stays the same object. */
const scrubbed = <Value>(value: Value): Value => (hasSecrets() ? (clean(value) as Value) : value);

const clean = (value: unknown): unknown => {
  if (typeof value === 'string') return scrub(value);
  if (value instanceof Fail) return cleanFail(value);
  if (value instanceof Secret || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(clean);
  if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, clean(entry)]));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, clean(entry)]));
};

/** An error is told once by whoever tells it: the same error is the same clean one. */
const cleaned = new WeakMap<Fail, Fail>();

const cleanFail = (error: Fail): Fail => {
  const known = cleaned.get(error);
  if (known !== undefined) return known;
  const made = copyOf(error);
  cleaned.set(error, made);
  return made;
};

const copyOf = (error: Fail): Fail => {
  const message = scrub(error.message);
  const details: FailDetails = {
    ...(error.hint === undefined ? {} : { hint: scrub(error.hint) }),
    context: clean(error.context) as Readonly<Record<string, unknown>>,
    cause: cleanCause(error.cause),
  };
  const made =
    error instanceof CommandFailed
      ? new CommandFailed(
          message,
          {
            argv: error.argv.map(scrub),
            exitCode: error.exitCode,
            stdout: scrub(error.stdout),
            stderr: scrub(error.stderr),
          },
          details,
        )
      : new Fail(error.code, message, details);
  made.stack = scrub(error.stack ?? '');
  return made;
};

const cleanCause = (cause: unknown): unknown => {
  if (cause instanceof Fail) return cleanFail(cause);
  if (!(cause instanceof Error)) return typeof cause === 'string' ? scrub(cause) : cause;
  const made = new Error(scrub(cause.message), { cause: cleanCause(cause.cause) });
  made.stack = scrub(cause.stack ?? '');
  return made;
};

/** An event before it goes anywhere but to a face. */
export const scrubbedEvent = (event: Event): Event => scrubbed(event);

/** A failure before it is printed. */
export const scrubbedFailure = (error: Fail): Fail => (hasSecrets() ? cleanFail(error) : error);

/** A face that is never told a secret: whatever it prints, logs or saves has none. */
export const scrubbedFace = (face: Face): Face => ({
  emit: (event) => face.emit(scrubbed(event)),
  suspend: (task) => face.suspend(task),
  plan: (plan, options) => face.plan(scrubbed(plan), options),
  generations: (generations) => face.generations(generations),
  drift: (host, drifts) => face.drift(host, scrubbed(drifts)),
  adoption: (adoption) => face.adoption(scrubbed(adoption)),
  checks: (checks) => face.checks(scrubbed(checks)),
  findings: (findings) => face.findings(scrubbed(findings)),
  hosts: (hosts, options) => face.hosts(scrubbed(hosts), options),
  explanation: (explanation) => face.explanation(scrubbed(explanation)),
  stats: (stats) => face.stats(stats),
  message: (text) => face.message(scrub(text)),
  failure: (error) => face.failure(scrubbedFailure(error)),
  end: (exitCode) => face.end(exitCode),
});
