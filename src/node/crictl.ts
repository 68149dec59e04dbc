import { type Concern, rendered } from './concern.ts';
import { everyPlace, placesOn } from './places.ts';

const config = '/etc/crictl.yaml';

export const crictl: Concern = {
  asks: () => ({ files: [...everyPlace('crictl'), config] }),
  resources: ({ facts, supplies, render }) => ({
    resources: [
      {
        kind: 'file',
        path: placesOn(facts).crictl,
        content: { kind: 'local-file', ...supplies.crictl },
        mode: 0o755,
      },
      rendered(render, config, {}),
    ],
  }),
};
