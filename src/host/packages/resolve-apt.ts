import { quote } from '../quote.ts';
import { aptPreferences } from './apt-preferences.ts';
import { parseUris } from './apt-uris.ts';
import { type Resolver, scriptText } from './resolver.ts';

const script = scriptText('resolve-apt.sh');

/** apt prints the digests that its signed metadata have: nothing is downloaded but these. */
export const aptResolver: Resolver = {
  script: async ({ names, held }) =>
    `wanted=${quote(names.join(' '))}\npins=${quote(aptPreferences(held))}\n${await script}`,
  packagesIn: (topics, names) => {
    const packagesOf = (topic: string) => parseUris((topics.get(topic) ?? []).map(([line = '']) => line));
    const bare = packagesOf('bare');
    const lacking = Object.entries(packagesOf('wanted')).filter(
      ([name]) => bare[name] === undefined || names.includes(name),
    );
    return { ...Object.fromEntries(lacking), ...packagesOf('here') };
  },
  complaint: /^(E:|Err|W:)|unmet|Depends:|Unable/,
};
