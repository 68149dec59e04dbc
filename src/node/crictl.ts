import { type Concern, rendered } from './concern.ts';
import { everyPlace, placesOn } from './places.ts';
import { packagedCrictl } from './stop-pods.ts';

const config = '/etc/crictl.yaml';
/** Where crictl lies in no folder that shells look into. */
const loginPath = '/etc/profile.d/berth.sh';

export const crictl: Concern = {
  asks: () => ({ files: [...everyPlace('crictl'), packagedCrictl, config, loginPath] }),
  resources: ({ facts, supplies, render }) => {
    const { crictl: path } = placesOn(facts);
    const folder = path.slice(0, path.lastIndexOf('/'));
    return {
      resources: [
        ...(supplies.crictl === undefined
          ? []
          : [
              {
                kind: 'file',
                path,
                content: { kind: 'local-file', ...supplies.crictl },
                mode: 0o755,
              } as const,
            ]),
        rendered(render, config, {}),
        ...(folder === '/usr/local/bin' || supplies.crictl === undefined
          ? []
          : [rendered(render, loginPath, { folder })]),
      ],
    };
  },
};
