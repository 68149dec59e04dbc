import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Terminal } from '../../test/harness/terminal.ts';
import { Cast } from './cast.ts';
import { svgOf } from './picture.ts';

const checkout = resolve(import.meta.dirname, '../..');
const output = join(checkout, 'docs', 'recordings');

/** Releases what a recording holds, at its end. */
export interface Undo {
  after(release: () => Promise<void>): void;
}

/** A session of which a cast is made, and pictures of its screen. */
export interface Session {
  readonly terminal: Terminal;
  /** Types a command line and enter. */
  types(line: string): Promise<void>;
  /** The screen as it is now becomes a picture. */
  picture(name: string, title: string): Promise<void>;
}

export interface Recording {
  readonly name: string;
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
  /** Makes what the session needs and is not shown; the answer is the folder in which it happens. */
  prepare(undo: Undo): Promise<string>;
  /** What is done on the terminal, up to its end. */
  play(session: Session): Promise<void>;
}

/** Real runs, on a real terminal, with a shell that knows `berth`. */
export const record = async (recording: Recording): Promise<void> => {
  const releases: (() => Promise<void>)[] = [];
  const undo: Undo = { after: (release) => releases.unshift(release) };
  const folder = mkdtempSync(join(tmpdir(), 'berth-recording-'));
  undo.after(async () => rmSync(folder, { recursive: true, force: true }));
  try {
    await played(recording, await recording.prepare(undo), folder, undo);
  } finally {
    for (const release of releases) await release();
  }
};

const played = async (recording: Recording, cwd: string, folder: string, undo: Undo): Promise<void> => {
  const { name, columns, rows, play } = recording;
  const fifo = join(folder, 'output');
  execFileSync('mkfifo', [fifo]);
  const env = {
    PS1: '$ ',
    PATH: [join(checkout, 'src/cli'), process.env['PATH']].join(':'),
    BERTH_CACHE: join(checkout, '.berth', 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
    HISTFILE: '',
  };
  const terminal = await Terminal.start(undo, ['sh', '-i'], { columns, rows, env, cwd });
  await terminal.shows(/\$$/);
  const cast = new Cast(fifo);
  await terminal.pipe(`exec cat > ${fifo}`);
  await play({
    terminal,
    types: async (line) => {
      await terminal.press('-l', line);
      await terminal.press('Enter');
    },
    picture: async (picture, title) => {
      const screen = await terminal.screen({ colours: true });
      writeFileSync(join(output, `${picture}.svg`), svgOf(screen, { columns, rows, title }));
    },
  });
  await terminal.pipe();
  await cast.save(join(output, `${name}.cast`), recording);
};
