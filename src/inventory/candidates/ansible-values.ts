import { parseDocument, type ScalarTag } from 'yaml';
import { Fail } from '../../core/fail.ts';
import { isMapping } from '../../profile/as-written.ts';
import { type Vars, vaulted } from './ansible-inventory.ts';

/** Ansible's own tags: a vault is what it is, and `!unsafe` is a text in which templates stand for themselves. */
const tags: ScalarTag[] = [
  { tag: '!vault', resolve: () => vaulted },
  { tag: '!vault-encrypted', resolve: () => vaulted },
  { tag: '!unsafe', resolve: (text) => text },
];

/**
 * What a YAML file of Ansible says; JSON is YAML as well.
 * @throws Fail `BadUsage` for a text that is none
 */
export function ansibleYaml(text: string, file: string): unknown {
  const document = parseDocument(text, { logLevel: 'silent', customTags: tags });
  const [error] = document.errors;
  if (error !== undefined)
    throw new Fail('BadUsage', `${file} is no YAML: ${error.message.split('\n')[0]}`, {
      hint: 'Correct it; ansible-inventory --list says whether Ansible itself understands the file.',
    });
  return document.toJS({ maxAliasCount: 100 });
}

/** The variables of a mapping. */
export const varsIn = (form: unknown): Vars =>
  new Map(
    Object.entries(isMapping(form) ? form : {}).flatMap(
      ([key, written]): [string, string | typeof vaulted][] => {
        const value = untagged(written);
        if (value === vaulted) return [[key, vaulted]];
        return typeof value === 'string' || typeof value === 'number' ? [[key, String(value)]] : [];
      },
    ),
  );

/** JSON has no tags: ansible-inventory writes mappings in place of them. */
const untagged = (value: unknown): unknown => {
  if (!isMapping(value)) return value;
  return '__ansible_vault' in value ? vaulted : (value['__ansible_unsafe'] ?? value);
};
