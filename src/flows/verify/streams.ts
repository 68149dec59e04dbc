import { done, green, type Judge, red } from './verdict.ts';

const holds = (title: string, wanted: readonly string[], detail: string, remedy?: string): Judge => ({
  title,
  judge: ({ stdout, stderr }) => {
    const lines = `${stdout}\n${stderr}`.split(/\r?\n/).map((line) => line.trim());
    const missing = wanted.filter((line) => !lines.includes(line));
    return missing.length === 0
      ? green(detail)
      : red(`missing: ${missing.map((line) => JSON.stringify(line)).join(', ')}`, remedy);
  },
  ...(remedy === undefined ? {} : { remedy }),
});

const streamRemedy =
  "crictl reaches berthd's streaming server on 127.0.0.1: look at journalctl -u berthd -n 50";

const exitStatus: Judge = {
  title: 'its exit status',
  judge: ({ stdout, stderr }) =>
    /exit code 42/.test(stderr) && !/ended with 0$/m.test(stdout)
      ? green('exit code 42')
      : red(`crictl says ${JSON.stringify((stderr.trim() || stdout.trim()).slice(0, 80))}`),
};

const tty: Judge = {
  title: 'on a terminal',
  judge: ({ stdout }) => {
    const device = /\/dev\/\S+/.exec(stdout)?.[0];
    return device === undefined ? red(`no terminal: ${stdout.trim().slice(0, 60)}`) : green(device);
  },
  remedy: streamRemedy,
};

const logLines: Judge = {
  title: 'lines short and long',
  judge: ({ stdout }) => {
    const length = Number(/long line of (\d+)/.exec(stdout)?.[1] ?? 0);
    if (length !== 20_000) return red(`the line of 20000 characters has ${length}`);
    return green('both streams; 20000 characters in one line');
  },
  remedy: 'the evidence below is what crictl logs shows',
};

/** A log entry has at most 16 KiB: a longer line is parts with the tag P, and F at its end (CRI log format). */
const logParts: Judge = {
  title: 'long lines in parts',
  judge: ({ stdout }) =>
    /\d+ P\b/.test(stdout) && /\d+ F\b/.test(stdout)
      ? green('P and F')
      : red(`tags: ${stdout.trim().replace(/\s+/g, ' ')}`),
};

const rotated: Judge = {
  title: 'goes on after rotation',
  judge: () => green('the new file gets what follows'),
  remedy: 'ReopenContainerLog did not take: journalctl -u berth-shim -n 50',
};

/** The checks of streams.sh, by its identifiers. */
export const streamJudges: ReadonlyMap<string, Judge> = new Map<string, Judge>([
  ['exec.pod', done('a pod for streams starts', 'started', 'look at: journalctl -u berthd -n 50')],
  ['exec.stdin', holds('input and both outputs', ['out berth', 'err berth'], 'out and err', streamRemedy)],
  ['exec.status', exitStatus],
  ['exec.tty', tty],
  ['logs.lines', logLines],
  [
    'logs.streams',
    holds('each stream by itself', ['stdout: out 1', 'stderr: err 1'], 'stdout and stderr are kept apart'),
  ],
  ['logs.parts', logParts],
  ['logs.rotation', rotated],
  ['forward.tcp', holds('carries TCP', ['berth'], 'what was sent comes back', streamRemedy)],
  ['attach.streams', holds('talks to the program', ['got ping 1', 'got ping 2'], 'it answers', streamRemedy)],
  ['exec.rest', done('the rest of the streams', 'checked')],
  ['streams.lane', done('the stream checks', 'done')],
  ['exec.clean-up', done('the pod is taken away', 'taken away', 'crictl pods; crictl rmp --force POD')],
]);
