import { bare } from '../../profile/known-keys.ts';
import type { Path } from '../../profile/tree.ts';
import { choicesAt, schemaAt } from './document.ts';
import { choiceRow, type PageRow, switchRow, textRow } from './rows.ts';
import type { WizardState } from './state.ts';

/** `unqualifiedSearch` as a person would write it. */
const labelOf = (key: string): string => {
  const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
};

/**
 * The row for whatever the schema has at a path, explained by its description; empty where it has nothing there, or a
 * mapping. So a key that the schema learns is offered without anybody telling the wizard.
 */
export const schemaRow = (
  state: WizardState,
  path: Path,
  label: string = labelOf(String(path.at(-1))),
): PageRow[] => {
  const schema = schemaAt(path);
  if (schema === undefined) return [];
  if (choicesAt(path).length > 1) return [choiceRow(state, { path, label })];
  const { type } = bare(schema)._zod.def;
  if (type === 'boolean') return [switchRow(state, { path, label })];
  if (type === 'string' || type === 'union') return [textRow(state, { path, label, empty: 'the default' })];
  if (type === 'number' || type === 'int')
    return [textRow(state, { path, label, as: 'number', empty: 'the default' })];
  return type === 'array' && isPlainList(schema)
    ? [textRow(state, { path, label, as: 'list', empty: 'none' })]
    : [];
};

const isPlainList = (schema: NonNullable<ReturnType<typeof schemaAt>>): boolean => {
  const inner = bare(schema);
  return 'element' in inner && bare(inner.element as typeof schema)._zod.def.type === 'string';
};
