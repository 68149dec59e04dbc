import type { Notice } from './notify.ts';

/**
 * Tells the service manager at half of the time that it gives us that the event loop still turns: sd_watchdog_enabled(3).
 * Nothing where it does not watch, or watches another process. Answers what stops it.
 */
export const keepWatchdog = (
  notify: (notice: Notice) => void,
  { environment, pid }: { readonly environment: NodeJS.ProcessEnv; readonly pid: number },
): (() => void) => {
  const microseconds = Number(environment['WATCHDOG_USEC']);
  const watched = environment['WATCHDOG_PID'];
  const isOurs = watched === undefined || Number(watched) === pid;
  if (!Number.isSafeInteger(microseconds) || microseconds <= 0 || !isOurs) return () => {};
  const timer = setInterval(() => notify({ WATCHDOG: 1 }), microseconds / 2000);
  // Being watched is no reason to stay.
  timer.unref();
  return () => clearInterval(timer);
};
