import { parseArgs } from 'node:util';
import { createLog } from './observe/log.ts';
import { releaseOf } from './shim/server/pull.ts';
import { serveShim } from './shim/server/serve.ts';

/** berth-shim: the one process of a node that starts processes, and owns their streams and exit codes. */
const { values } = parseArgs({
  options: {
    'run-root': { type: 'string', default: '/run/berth' },
    'log-level': { type: 'string', default: 'info' },
  },
});

const levels = ['error', 'warn', 'info', 'debug'] as const;
const log = createLog({
  level: levels.find((level) => level === values['log-level']) ?? 'info',
  write: (line) => process.stderr.write(line),
  journal: process.env['JOURNAL_STREAM'] !== undefined,
});

try {
  const shim = await serveShim({ runRoot: values['run-root'], release: releaseOf(import.meta.url), log });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, async () => {
      await shim.close();
      process.exit(0);
    });
  }
} catch (error) {
  log.error('berth-shim cannot serve', { error });
  process.exit(1);
}
