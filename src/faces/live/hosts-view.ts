import { basename } from 'node:path';
import { denseHosts } from './dense-hosts.ts';
import { bold, cut, dim, type Line, plain, spread, widthOf } from './line.ts';
import { clock } from './progress-lines.ts';
import { countsText, type Ranked, ranked } from './standing.ts';
import { type Room, wholeHosts } from './whole-hosts.ts';

const titleLine = (hosts: readonly Ranked[], { state, now, columns }: Room): Line => {
  const { profile, since } = state.board;
  const about = profile === undefined ? 'berth' : `berth  ${basename(profile)}`;
  const elapsed = [dim(clock(now - (since ?? now)))];
  if (hosts.length === 1) return spread([bold(about)], elapsed, columns);
  const counts = plain(`${hosts.length} hosts: ${countsText(hosts)}`);
  const whole = [bold(about), plain('  '), counts];
  // Where room is scarce, how it goes is more than what it is about.
  return spread(widthOf(whole) <= columns ? whole : [counts], elapsed, columns);
};

const shownNotes = 2;

/** All hosts of the run, in at most `rows` lines. */
export const hostsView = (room: Room & { readonly rows: number }): readonly Line[] => {
  const { state, rows, columns, now } = room;
  const hosts = ranked(state.board, now);
  const notes = state.board.notes
    .slice(-shownNotes)
    .map((note): Line => [{ text: note.replace(/\s+/g, ' '), colour: 'yellow' }]);
  const title = rows > 4 ? [titleLine(hosts, room)] : [];
  const below = rows > 8 ? notes : notes.slice(-1);
  const left = rows - title.length - below.length;
  const spaced = left > 8 ? [[]] : [];
  const body = wholeHosts(hosts, room, left - spaced.length) ?? denseHosts(hosts, room, left - spaced.length);
  return [...title, ...spaced, ...body, ...below].slice(0, rows).map((line) => cut(line, columns));
};
