import { finding, inside, list, mapping } from './as-written.ts';
import type { Finding } from './finding.ts';

const keyForms: Readonly<Record<string, readonly [begins: string, is: string]>> = {
  signedBy: [
    '-----BEGIN PGP PUBLIC KEY BLOCK-----',
    'an OpenPGP public key in armour (gpg --armor --export)',
  ],
  sigstoreSigned: ['-----BEGIN PUBLIC KEY-----', 'a public key in PEM (cosign public-key)'],
};

/** Rules of spec.policy that span several keys. `profile`: a host's document, as it was written. */
export function policyRules(profile: unknown): Finding[] {
  const seen = new Set<unknown>();
  return list(inside(profile, 'spec', 'policy', 'rules')).flatMap((entry, index): Finding[] => {
    const { images, type, key, lookaside, identity } = mapping(entry);
    const at = (name: string) => ['spec', 'policy', 'rules', index, name];
    const findings: Finding[] = [];
    if (seen.has(images) && typeof images === 'string')
      findings.push(finding(at('images'), `${images} has a rule already`));
    seen.add(images);
    const form = typeof type === 'string' ? keyForms[type] : undefined;
    if (form === undefined) {
      for (const [name, value] of Object.entries({ key, identity, lookaside }))
        if (value !== undefined)
          findings.push(
            finding(at(name), `means nothing with type: ${String(type)}: nothing is signed`, 'key'),
          );
      return findings;
    }
    const [begins, is] = form;
    if (key === undefined) findings.push(finding(at('type'), `${String(type)} needs a key beside it: ${is}`));
    else if (typeof key === 'string' && !key.includes('-----BEGIN')) return findings;
    else if (typeof key === 'string' && !key.includes(begins))
      findings.push(finding(at('key'), `is not what ${String(type)} takes: ${is}`));
    if (type === 'sigstoreSigned' && lookaside !== undefined)
      findings.push(
        finding(at('lookaside'), 'is for signedBy: cosign attaches its signatures to the image', 'key'),
      );
    return findings;
  });
}
