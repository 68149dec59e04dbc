import { readFileSync, writeFileSync } from 'node:fs';
import { schemaText } from '../../../src/profile/json-schema.ts';
import { profileReference } from './profile-reference.ts';

/** `npm run generate:profile`: what is made from the schema of the profile. Tests see that it is what lies there. */
const page = new URL('../../../docs/profile.md', import.meta.url);
const heading = '## Every key\n\n';
const [before] = readFileSync(page, 'utf8').split(heading);
writeFileSync(page, `${before}${heading}${profileReference()}`);
writeFileSync(new URL('../../../profiles/berth.schema.json', import.meta.url), schemaText());
