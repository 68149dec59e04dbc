import { Secret } from '../core/secret.ts';

/** What keeps a text from being the address of a proxy; it never repeats the text, which may hold a password. */
export const proxyProblem = (address: string): string | undefined => {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'it is no http or https address';
  return /^[^\s'"\\$`]+$/.test(address)
    ? undefined
    : 'it holds a blank, a quote, a backslash or a dollar sign: write them as %20, %27, %22, %5C and %24';
};

export const hasLogin = (address: string): boolean => {
  const url = URL.parse(address);
  return url !== null && (url.username !== '' || url.password !== '');
};

/** The address as a secret, its password by itself and as a person knows it too: programs show parts of addresses. */
export function secretAddress(address: string): Secret {
  const password = URL.parse(address)?.password ?? '';
  for (const form of new Set([password, decoded(password)])) if (form !== '') new Secret(form);
  return new Secret(address);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that stands for itself.
    return text;
  }
}
