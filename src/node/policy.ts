import { fileAt } from '../host/facts/files.ts';
import type { PolicyRule } from '../profile/profile.ts';
import { type Concern, rendered } from './concern.ts';
import { daemonOf } from './engines.ts';

/**
 * crio.conf names this one; the file that podman and skopeo read stays as it is. Not /etc/crio/policy.json: CRI-O's packages
 * put theirs there, which accepts everything, again with each upgrade.
 */
const file = '/etc/berth/policy.json';
const shared = '/etc/containers/policy.json';

/** Where the signatures of images lie: containers-registries.d(5). */
const storesFile = '/etc/containers/registries.d/berth.yaml';

export const policy: Concern = {
  asks: () => ({ files: [file, shared, storesFile] }),
  resources: ({ spec, facts, render }) => {
    const readBy = [daemonOf(spec)];
    const { rules } = spec.policy;
    const stores = rules.flatMap(storeOf);
    return {
      resources: [
        rendered(
          render,
          file,
          {
            default: spec.policy.default === 'accept' ? 'insecureAcceptAnything' : 'reject',
            rules: rules.map((rule) => ({ images: rule.images, requirement: requirementOf(rule) })),
          },
          { readBy },
        ),
        ...(stores.length === 0 ? [] : [rendered(render, storesFile, { stores }, { readBy })]),
      ],
      notes:
        fileAt(facts.files, shared).kind === 'absent'
          ? []
          : [`${shared} is not berth's and stays; pods are judged by ${file}`],
    };
  },
};

/** As containers-policy.json(5) writes it. */
function requirementOf({ type, key = '', identity }: PolicyRule): Readonly<Record<string, unknown>> {
  switch (type) {
    case 'accept':
      return { type: 'insecureAcceptAnything' };
    case 'reject':
      return { type };
    case 'signedBy':
    case 'sigstoreSigned':
      return {
        type,
        ...(type === 'signedBy' ? { keyType: 'GPGKeys' } : {}),
        keyData: Buffer.from(key).toString('base64'),
        signedIdentity: { type: identity },
      };
  }
}

/** What is empty is not said. */
interface Store {
  readonly images: string;
  readonly attachments: boolean;
  readonly lookaside: string;
}

const storeOf = ({ images, type, lookaside = '' }: PolicyRule): Store[] => {
  const attachments = type === 'sigstoreSigned';
  return attachments || lookaside !== '' ? [{ images, attachments, lookaside }] : [];
};
