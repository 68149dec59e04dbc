import type { Face } from './face.ts';

/** Tells everything to both; `first` has the terminal. */
export const bothFaces = (first: Face, second: Face): Face => ({
  emit(event) {
    first.emit(event);
    second.emit(event);
  },
  suspend: (task) => first.suspend(task),
  plan(plan, options) {
    first.plan(plan, options);
    second.plan(plan, options);
  },
  generations(generations) {
    first.generations(generations);
    second.generations(generations);
  },
  drift(host, drifts) {
    first.drift(host, drifts);
    second.drift(host, drifts);
  },
  adoption(adoption) {
    first.adoption(adoption);
    second.adoption(adoption);
  },
  checks(checks) {
    first.checks(checks);
    second.checks(checks);
  },
  findings(findings) {
    first.findings(findings);
    second.findings(findings);
  },
  hosts(hosts, options) {
    first.hosts(hosts, options);
    second.hosts(hosts, options);
  },
  explanation(explanation) {
    first.explanation(explanation);
    second.explanation(explanation);
  },
  stats(stats) {
    first.stats(stats);
    second.stats(stats);
  },
  message(text) {
    first.message(text);
    second.message(text);
  },
  failure(error) {
    first.failure(error);
    second.failure(error);
  },
  async untilRead(signal) {
    await first.untilRead?.(signal);
  },
  end(exitCode) {
    first.end(exitCode);
    second.end(exitCode);
  },
});
