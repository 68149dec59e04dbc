import { z } from 'zod';
import { bare } from '../../profile/known-keys.ts';
import type { Path } from '../../profile/tree.ts';
import { choicesAt, type Edit, schemaAt, tryEdits, valueAt } from './document.ts';
import type { Draft, WizardState } from './state.ts';

/** A row without an answer: something to read. */
export interface NoteRow {
  readonly kind: 'note';
  readonly text: string;
  readonly look?: 'good' | 'bad' | 'warn' | 'dim' | 'bold';
}

interface AnswerRow {
  /** The same in each state. */
  readonly id: string;
  readonly label: string;
  /** What `?` shows: what the answer means, and its consequence. */
  readonly explain: string;
  readonly problem?: string | undefined;
  /** Where the answer stands in the profile. */
  readonly path?: Path;
}

export interface TextRow extends AnswerRow {
  readonly kind: 'text';
  readonly text: string;
  /** What stands there when nothing is typed. */
  readonly empty: string;
  readonly write: (text: string) => WizardState;
  /** What Enter does; without it the next row is in focus. */
  readonly enter?: () => WizardState;
  /** What is typed waits for Enter: who goes on has it taken. */
  readonly waits?: boolean;
}

export interface ChoiceRow extends AnswerRow {
  readonly kind: 'choice';
  readonly options: readonly string[];
  readonly chosen: string;
  readonly choose: (option: string) => WizardState;
}

export interface SwitchRow extends AnswerRow {
  readonly kind: 'switch';
  readonly on: boolean;
  readonly flip: () => WizardState;
}

export interface ActionRow extends AnswerRow {
  readonly kind: 'action';
  readonly press: () => WizardState;
  /** A path in the label: where room lacks, its start goes before anything that tells the row from its neighbours. */
  readonly file?: string;
  /** What the key Delete does to it. */
  readonly remove?: () => WizardState;
}

export type Row = TextRow | ChoiceRow | SwitchRow | ActionRow;
export type PageRow = Row | NoteRow;

export const isRow = (row: PageRow): row is Row => row.kind !== 'note';

export const note = (text: string, look?: NoteRow['look']): NoteRow => ({
  kind: 'note',
  text,
  ...(look === undefined ? {} : { look }),
});

/** The state with an answer in its profile; where it cannot stand there, what was typed is kept beside its problem. */
export const answered = (
  state: WizardState,
  id: string,
  text: string,
  edits: readonly Edit[],
  sources = state.sources,
): WizardState => {
  const tried = tryEdits(sources, edits);
  if ('problem' in tried)
    return { ...withDraft(state, id, { text, problem: tried.problem, edits }), sources };
  return { ...withoutDraft(state, id), sources: tried.sources };
};

export const withDraft = (state: WizardState, id: string, draft: Draft): WizardState => ({
  ...state,
  drafts: new Map(state.drafts).set(id, draft),
});

export const withoutDraft = (state: WizardState, id: string): WizardState => {
  if (!state.drafts.has(id)) return state;
  const drafts = new Map(state.drafts);
  drafts.delete(id);
  return { ...state, drafts };
};

/** What a key of the schema says of itself, or what an optional one says within. */
const described = (path: Path): string => {
  const schema = schemaAt(path);
  return schema === undefined ? '' : (descriptionOf(schema) ?? descriptionOf(bare(schema)) ?? '');
};

const descriptionOf = (schema: z.core.$ZodType): string | undefined =>
  schema instanceof z.ZodType ? schema.description : undefined;

interface Asked {
  readonly label: string;
  readonly path: Path;
  readonly explain?: string;
}

interface AskedText extends Asked {
  readonly empty?: string;
  /** How the typed text becomes the value: a list has commas or blanks between its entries. */
  readonly as?: 'text' | 'number' | 'list';
  /** Edits that go with the answer. */
  readonly also?: (text: string) => readonly Edit[];
}

const entries = (text: string): string[] => text.split(/[\s,]+/).filter((entry) => entry !== '');

const typedValue = (text: string, as: AskedText['as']): unknown => {
  if (as === 'list') return entries(text);
  return as === 'number' && /^\d+$/.test(text) ? Number(text) : text;
};

const written = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.map(String).join(', ') : String(value);
};

/** A text that stands in the profile; nothing typed takes the key away, so that its default counts. */
export const textRow = (state: WizardState, asked: AskedText): TextRow => {
  const { label, path, empty = '', as = 'text', also = () => [] } = asked;
  const id = path.join('.');
  const draft = state.drafts.get(id);
  return {
    kind: 'text',
    id,
    label,
    path,
    empty,
    explain: asked.explain ?? described(path),
    problem: draft?.problem,
    text: draft?.text ?? written(valueAt(state.sources, path)),
    write: (text) => {
      const trimmed = text.trim();
      const edit: Edit =
        trimmed === '' ? { kind: 'remove', path } : { kind: 'set', path, value: typedValue(trimmed, as) };
      const settled = state.settled ?? state.sources;
      return {
        ...keptAsTyped(answered(state, id, text, [edit, ...also(trimmed)], settled), id, text, asked),
        settled,
      };
    },
  };
};

/** A comma that waits for what follows it must not vanish under the hand that types it. */
const keptAsTyped = (state: WizardState, id: string, text: string, { path }: AskedText): WizardState =>
  state.drafts.has(id) || written(valueAt(state.sources, path)) === text
    ? state
    : withDraft(state, id, { text });

/** The choice to say nothing, where the schema has no default to show. */
const unsaid = 'the default';

/** One of the values that the schema knows. */
export const choiceRow = (state: WizardState, { label, path, explain }: Asked): ChoiceRow => {
  const id = path.join('.');
  const draft = state.drafts.get(id);
  const schema = schemaAt(path);
  return {
    kind: 'choice',
    id,
    label,
    path,
    explain: explain ?? described(path),
    problem: draft?.problem,
    options: schema instanceof z.ZodOptional ? [unsaid, ...choicesAt(path)] : choicesAt(path),
    chosen: draft?.text ?? String(valueAt(state.sources, path) ?? unsaid),
    choose: (value) =>
      answered(state, id, value, [
        value === unsaid ? { kind: 'remove', path } : { kind: 'set', path, value },
      ]),
  };
};

/** Yes or no. */
export const switchRow = (state: WizardState, { label, path, explain }: Asked): SwitchRow => {
  const id = path.join('.');
  const on = valueAt(state.sources, path) === true;
  return {
    kind: 'switch',
    id,
    label,
    path,
    explain: explain ?? described(path),
    problem: state.drafts.get(id)?.problem,
    on,
    flip: () => answered(state, id, '', [{ kind: 'set', path, value: !on }]),
  };
};

/** An answer that is kept, and stands in no profile: the path of an inventory, or hosts that are not added yet. */
export const answerRow = (
  state: WizardState,
  asked: Pick<TextRow, 'id' | 'label' | 'explain' | 'empty'> & {
    readonly problemIn?: (text: string) => string | undefined;
    readonly enter?: (text: string) => WizardState;
    readonly path?: Path;
  },
): TextRow => {
  const { id, label, explain, empty, problemIn, enter, path } = asked;
  const text = answerOf(state, id);
  return {
    kind: 'text',
    id,
    label,
    explain,
    empty,
    text,
    problem: text.trim() === '' ? undefined : problemIn?.(text),
    write: (typed) => withAnswer(state, id, typed),
    ...(path === undefined ? {} : { path }),
    ...(enter === undefined ? {} : { enter: () => enter(text), waits: state.untaken.has(id) }),
  };
};

export const answerOf = (state: WizardState, id: string): string => state.answers.get(id) ?? '';

export const withAnswer = (state: WizardState, id: string, text: string): WizardState => ({
  ...state,
  answers: new Map(state.answers).set(id, text),
  untaken: text.trim() === '' ? asTaken(state, id).untaken : new Set(state.untaken).add(id),
});

/** The text of the row stays, and waits for nothing any more. */
export const asTaken = (state: WizardState, id: string): WizardState => ({
  ...state,
  untaken: new Set([...state.untaken].filter((one) => one !== id)),
});
