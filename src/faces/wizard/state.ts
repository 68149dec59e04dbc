import type { Candidate } from '../../inventory/candidates/candidate.ts';
import type { Origin } from '../../inventory/candidates/find.ts';
import type { ProfileSources } from '../../profile/profile.ts';
import { plainOf, treeAt } from '../../profile/tree.ts';
import { type Edit, rootOf, tryEdits } from './document.ts';
import type { Met, Published, Reach, Trouble, Wish } from './errands.ts';

/** The steps, in their order. */
export const stepNames = [
  'hosts',
  'connections',
  'runtime',
  'network',
  'registries',
  'kubernetes',
  'review',
] as const;

export type StepName = (typeof stepNames)[number];

/** What was typed and cannot stand in the profile (yet): it is kept, whatever else happens. */
export interface Draft {
  readonly text: string;
  /** Undefined: the profile has what it means, and the person goes on typing. */
  readonly problem?: string;
  /** What it would change: tried again when another answer has changed. */
  readonly edits?: readonly Edit[];
}

/** A page over that of the step. */
export type Sheet =
  | { readonly kind: 'host'; readonly index: number }
  | {
      readonly kind: 'candidates';
      readonly origin: Origin;
      readonly found: readonly Candidate[];
      /** What the tool says of them and was not taken over. */
      readonly remarks: readonly string[];
      readonly chosen: ReadonlySet<number>;
    };

export type Meeting =
  | { readonly state: 'asking' }
  | { readonly state: 'met'; readonly met: Met }
  | { readonly state: 'missed'; readonly trouble: Trouble };

/** What the profile was with each option of the row that was chosen from last. */
export interface Trail {
  readonly row: string;
  /** The profile since then; with another one the trail is cold. */
  readonly now: ProfileSources;
  readonly by: ReadonlyMap<string, ProfileSources>;
}

/** How the wizard ended: with a profile to write, and to plan or not; or with nothing. */
export type Ending = 'plan' | 'write' | 'left';

/** Lines that the page, and the profile beside it, were scrolled away from the row in focus: each goes as far as it has lines. */
export interface Scrolled {
  readonly page: number;
  readonly profile: number;
}

export const unscrolled: Scrolled = { page: 0, profile: 0 };

/** Everything that the wizard knows. Only `reduce` makes new ones. */
export interface WizardState {
  readonly sources: ProfileSources;
  /** Texts of the files when the wizard began; a new profile had none. */
  readonly begun: ReadonlyMap<string, string>;
  readonly step: StepName;
  readonly sheet: Sheet | undefined;
  /** The row in focus, by page; the first one where there is none. */
  readonly focus: ReadonlyMap<string, string>;
  /** Characters before the cursor in the text in focus; undefined: all. */
  readonly cursor: number | undefined;
  readonly drafts: ReadonlyMap<string, Draft>;
  /** The profile before the text in focus was typed: what becomes of it is made of this, and not of every letter. */
  readonly settled: ProfileSources | undefined;
  readonly trail: Trail | undefined;
  /** Answers that stand in no profile, by row. */
  readonly answers: ReadonlyMap<string, string>;
  /** Rows whose answer was typed since Enter took one there. */
  readonly untaken: ReadonlySet<string>;
  /** The row in focus is explained. */
  readonly explains: boolean;
  readonly scrolled: Scrolled;
  /** By `meetingKey`: a host that is edited has not been met. */
  readonly meetings: ReadonlyMap<string, Meeting>;
  /** By host and registry, in the order of the answers. */
  readonly reached: ReadonlyMap<string, Reach>;
  /** Undefined: nobody has asked yet. */
  readonly published: Published | 'asking' | undefined;
  /** What is being waited for, in words. */
  readonly busy: string | undefined;
  readonly notice: { readonly text: string; readonly level: 'good' | 'bad' } | undefined;
  /** A secret that is asked for on the way; what is typed is never shown. */
  readonly question: { readonly label: string; readonly text: string } | undefined;
  /** What this state, and no later one, wants from the world. */
  readonly wishes: readonly Wish[];
  readonly ending: Ending | undefined;
}

/** `isNew`: there is no such file. */
export const wizardState = (sources: ProfileSources, isNew: boolean): WizardState => ({
  sources,
  begun: new Map(isNew ? [] : sources.files.map(({ file, text }) => [file, text])),
  step: 'hosts',
  sheet: undefined,
  focus: new Map(),
  cursor: undefined,
  drafts: new Map(),
  settled: undefined,
  trail: undefined,
  answers: new Map(),
  untaken: new Set(),
  explains: false,
  scrolled: unscrolled,
  meetings: new Map(),
  reached: new Map(),
  published: undefined,
  busy: undefined,
  notice: undefined,
  question: undefined,
  wishes: [],
  ending: undefined,
});

/** The page that is seen: drafts and the focus are kept for each. */
export const pageOf = ({ step, sheet }: WizardState): string => {
  if (sheet === undefined) return step;
  return sheet.kind === 'host' ? `host ${sheet.index}` : 'candidates';
};

/** A host as the profile writes it. */
export interface WrittenHost {
  readonly index: number;
  readonly name: string;
  /** What else stands there. */
  readonly form: Readonly<Record<string, unknown>>;
}

export const hostsIn = (sources: ProfileSources): readonly WrittenHost[] => {
  const hosts = treeAt(rootOf(sources), ['hosts']);
  const list = hosts === undefined ? undefined : plainOf(hosts);
  if (!Array.isArray(list)) return [];
  return list.map((form: unknown, index) => {
    const isMapping = typeof form === 'object' && form !== null && !Array.isArray(form);
    const mapping = isMapping ? (form as Readonly<Record<string, unknown>>) : {};
    return { index, name: String(mapping['name'] ?? `hosts[${index}]`), form: mapping };
  });
};

/** How the host is reached, all that decides it: what was found out about another way is nothing about this one. */
export const meetingKey = (sources: ProfileSources, host: WrittenHost): string => {
  const root = rootOf(sources);
  const shared = ['defaults', 'groups', 'vars'].map((key) => {
    const found = treeAt(root, [key]);
    return found === undefined ? null : plainOf(found);
  });
  const { spec: _spec, ...way } = host.form;
  return JSON.stringify([way, shared]);
};

export const meetingOf = (state: WizardState, host: WrittenHost): Meeting | undefined =>
  state.meetings.get(meetingKey(state.sources, host));

/** The hosts that were met, with what they said. */
export const metHosts = (state: WizardState): readonly { readonly name: string; readonly met: Met }[] =>
  hostsIn(state.sources).flatMap((host) => {
    const meeting = meetingOf(state, host);
    return meeting?.state === 'met' ? [{ name: host.name, met: meeting.met }] : [];
  });

/** Files whose text is not what it was when the wizard began. */
export const changedFiles = ({ sources, begun }: WizardState) =>
  sources.files.filter(({ file, text }) => begun.get(file) !== text);

/**
 * What was typed is an answer now: texts that mean what the profile says are read from there again, and what could not stand
 * is tried once more, because another answer may have made room for it.
 */
export const settle = (state: WizardState): WizardState => {
  const drafts = new Map<string, Draft>();
  let { sources } = state;
  for (const [id, { text, problem, edits = [] }] of state.drafts) {
    if (problem === undefined) continue;
    const tried = tryEdits(sources, edits);
    if ('problem' in tried) drafts.set(id, { text, problem: tried.problem, edits });
    else sources = tried.sources;
  }
  return { ...state, settled: undefined, drafts, sources };
};
