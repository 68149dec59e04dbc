import { createHash, X509Certificate } from 'node:crypto';
import { Fail } from '../../core/fail.ts';
import { Secret } from '../../core/secret.ts';
import type { Invitation } from '../../node/kubeadm-config.ts';
import type { KubernetesJoin, SecretOf } from '../../profile/profile.ts';
import { kubectl, type Place, runThere } from './kubectl.ts';

/** Long enough for images to be pulled by slow hosts one after the other, and no longer. */
const tokenLives = '2h';

/**
 * The digest by which a new member recognizes the CA, as kubeadm prints it: of the public key in its DER form (RFC 7469,
 * section 2.4).
 * @param certificate PEM
 */
export const caCertHash = (certificate: string): string => {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
};

/** What kubeadm prints for people to copy; from here on it is masked wherever it is shown. */
const secretWord = (output: string, pattern: RegExp, what: string): Secret => {
  const word = output.split(/\s+/).find((each) => pattern.test(each));
  if (word === undefined) throw new Fail('CommandFailed', `kubeadm printed no ${what}`);
  return new Secret(word);
};

const token = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;
const certificateKey = /^[0-9a-f]{64}$/;

/** An invitation of this run alone, and how it is taken back. */
export interface Invited {
  readonly invitation: Invitation;
  readonly revoke: (plane: Place) => Promise<void>;
}

/** Asks a control plane of the cluster to let new members in. `planes`: also such that share its certificates. */
export async function inviteTo(plane: Place, { planes }: { readonly planes: boolean }): Promise<Invited> {
  const server = await kubectl(plane, 'admin', [
    'config',
    'view',
    '-o',
    'jsonpath={.clusters[0].cluster.server}',
  ]);
  const ca = await runThere(plane, ['cat', '/etc/kubernetes/pki/ca.crt'], 30);
  const shared = planes
    ? secretWord(
        await runThere(plane, ['kubeadm', 'init', 'phase', 'upload-certs', '--upload-certs'], 120),
        certificateKey,
        'certificate key',
      )
    : undefined;
  const made = secretWord(
    await runThere(plane, ['kubeadm', 'token', 'create', '--ttl', tokenLives], 120),
    token,
    'token',
  );
  return {
    invitation: {
      endpoint: server.trim().replace(/^https:\/\//, ''),
      token: made,
      caCertHashes: [caCertHash(ca)],
      certificateKey: shared,
    },
    // The part before the dot names a token, and is no secret.
    revoke: async (then) => {
      await runThere(then, ['kubeadm', 'token', 'delete', made.reveal().slice(0, 6)], 60);
    },
  };
}

/** The invitation that the profile itself has, to a cluster beyond it. */
export async function invitationOf(join: KubernetesJoin, secret: SecretOf): Promise<Invitation> {
  const { endpoint, caCertHashes, certificateKey: key } = join;
  return {
    endpoint,
    caCertHashes,
    token: await secret(join.token, 'bootstrap token of the cluster'),
    certificateKey: key === undefined ? undefined : await secret(key, 'certificate key of the cluster'),
  };
}
