import semver from 'semver';
import type { ListedProgram } from '../../../artifacts/published.ts';
import { type NoteRow, note } from '../rows.ts';
import type { WizardState } from '../state.ts';
import { minorOf } from '../versions.ts';

/** Asks once which releases are out; who is not told goes on without it. */
export const askForReleases = (state: WizardState): WizardState =>
  state.published === undefined
    ? { ...state, published: 'asking', wishes: [...state.wishes, { kind: 'list-releases' }] }
    : state;

/** Empty: it is not known. */
export const releasesOf = ({ published }: WizardState, name: ListedProgram): readonly string[] =>
  typeof published === 'object' && 'versions' in published ? (published.versions.get(name) ?? []) : [];

/** The newest release of a program, and of the minor version that is wanted where that is another one; empty: not known. */
export const newestText = (state: WizardState, name: ListedProgram, wanted: string | undefined): string => {
  const out = releasesOf(state, name);
  const [newest] = out;
  if (newest === undefined) return '';
  const minor = wanted === undefined ? undefined : wanted.split('.').slice(0, 2).join('.');
  const within = out.find((version) => minorOf(version) === minor);
  return `newest ${name} listed: ${newest}${within === undefined || within === newest ? '' : `, of ${minor}: ${within}`}`;
};

/** A slip of the pen, or a version that the proxy has not met yet. */
export const unpublished = (
  state: WizardState,
  name: ListedProgram,
  wanted: string | undefined,
): NoteRow[] => {
  const out = releasesOf(state, name);
  if (wanted === undefined || out.length === 0 || semver.valid(wanted) === null || out.includes(wanted))
    return [];
  return [note(`The Go module proxy lists no ${name} ${wanted}.`, 'warn')];
};

/** Both, of a version that stands for itself. */
export const releaseNotes = (
  state: WizardState,
  name: ListedProgram,
  wanted: string | undefined,
): NoteRow[] => {
  const text = newestText(state, name, wanted);
  return [...(text === '' ? [] : [note(text, 'dim')]), ...unpublished(state, name, wanted)];
};

/** Why it is not known what is out. */
export const releasesUnknown = ({ published }: WizardState): NoteRow[] =>
  typeof published === 'object' && 'why' in published
    ? [note(`Which releases are out is not known: ${published.why}`, 'dim')]
    : [];
