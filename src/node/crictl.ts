import { type Concern, rendered } from './concern.ts';

/** Outside the package manager's folders, and in sudo's secure_path on every distribution that we know. */
const program = '/usr/local/bin/crictl';
const config = '/etc/crictl.yaml';

export const crictl: Concern = {
  asks: () => ({ files: [program, config] }),
  resources: ({ supplies, render }) => ({
    resources: [
      {
        kind: 'file',
        path: program,
        content: { kind: 'local-file', ...supplies.crictl },
        mode: 0o755,
      },
      rendered(render, config, {}),
    ],
  }),
};
