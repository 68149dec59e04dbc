const magic = 'openssh-key-v1\0';

interface OpenSshKey {
  /** `none`, or the cipher of the private part. */
  readonly cipher: string;
  /** The public key as on the wire; it stands there unencrypted. */
  readonly publicKey: Buffer;
}

/** The open part of a private key file in OpenSSH's form (PROTOCOL.key); undefined for every other form. */
export function readOpenSshKey(text: Buffer): OpenSshKey | undefined {
  const armoured = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text.toString('latin1'))?.[1];
  if (armoured === undefined) return undefined;
  const blob = Buffer.from(armoured, 'base64');
  if (blob.toString('latin1', 0, magic.length) !== magic) return undefined;
  const strings = readStrings(blob, magic.length);
  const [cipher, , , publicKey] = strings;
  return cipher === undefined || publicKey === undefined
    ? undefined
    : { cipher: cipher.toString('latin1'), publicKey };
}

/** Cipher, name and options of the key derivation, then, after the number of keys, the first public key. */
function readStrings(blob: Buffer, start: number): Buffer[] {
  const strings: Buffer[] = [];
  for (let at = start; strings.length < 4 && at + 4 <= blob.length; ) {
    if (strings.length === 3) at += 4;
    const length = at + 4 <= blob.length ? blob.readUInt32BE(at) : blob.length;
    if (at + 4 + length > blob.length) break;
    strings.push(blob.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

/** The type of the key in a private key file, e.g. `sk-ssh-ed25519@openssh.com`; undefined in forms that do not say. */
export function keyTypeOf(text: Buffer): string | undefined {
  const key = readOpenSshKey(text)?.publicKey;
  if (key === undefined || key.length < 4) return undefined;
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** Decided from the file itself: the cipher of OpenSSH's form, or the headers of a PEM file. */
export function isEncrypted(text: Buffer): boolean {
  if (/^(Proc-Type: 4,ENCRYPTED|-----BEGIN ENCRYPTED PRIVATE KEY-----)/m.test(text.toString('latin1')))
    return true;
  const cipher = readOpenSshKey(text)?.cipher;
  return cipher !== undefined && cipher !== 'none';
}
