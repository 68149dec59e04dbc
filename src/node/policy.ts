import { fileAt } from '../host/facts/files.ts';
import { type Concern, rendered } from './concern.ts';
import { daemonOf } from './engines.ts';

/** crio.conf names this one, as CRI-O's own packages do; the file that podman and skopeo read stays as it is. */
const file = '/etc/crio/policy.json';
const shared = '/etc/containers/policy.json';

export const policy: Concern = {
  asks: () => ({ files: [file, shared] }),
  resources: ({ spec, facts, render }) => ({
    resources: [
      rendered(
        render,
        file,
        { default: spec.policy.default === 'accept' ? 'insecureAcceptAnything' : 'reject' },
        { readBy: [daemonOf(spec)] },
      ),
    ],
    notes:
      fileAt(facts.files, shared).kind === 'absent'
        ? []
        : [`${shared} is not berth's and stays; pods are judged by ${file}`],
  }),
};
