// Loaded by `node --import` before the real command: kills it with SIGKILL at a point of its apply stream.
//   BERTH_KILL_VISITED   a file with the changes at which it was killed already, one a line; the next one is added
//   BERTH_KILL_POSITION  where in the change
import { appendFileSync, readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import { cutter, type Position } from './cut-stream.ts';

const file = process.env['BERTH_KILL_VISITED'] ?? '';
const visited = new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean));
const position = process.env['BERTH_KILL_POSITION'] as Position;

const { exec } = ssh2.Client.prototype;
ssh2.Client.prototype.exec = function (this: ssh2.Client, ...args: unknown[]) {
  const done = args.pop() as ssh2.ClientCallback;
  return Reflect.apply(exec, this, [
    ...args,
    (error: Error | undefined, channel: ssh2.ClientChannel) => {
      if (channel !== undefined) intercept(channel);
      done(error, channel);
    },
  ]);
};

function intercept(channel: ssh2.ClientChannel): void {
  const write = channel.write.bind(channel) as (chunk: string | Buffer, done?: () => void) => boolean;
  const stream = cutter(visited, position, (id) => appendFileSync(file, `${id}\n`));
  channel.write = ((chunk: string | Buffer) => {
    const { pass, cut } = stream.take(chunk);
    if (!cut) return write(chunk);
    // Once its last bytes have left this process nothing of it may go on.
    write(pass.length > 0 ? pass : '\n', () => setTimeout(() => process.kill(process.pid, 'SIGKILL'), 30));
    return false;
  }) as typeof channel.write;
}
