import { Fail } from '../core/fail.ts';
import type { RegistryAuth } from '../images/store/image.ts';
import type { AuthConfig, PullImageRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import type { Call } from './transport.ts';

export const pullImage = async (daemon: Daemon, request: PullImageRequest, call: Call) => {
  const reference = request.image?.image ?? '';
  if (reference === '') throw new Fail('InvalidArgument', 'PullImage needs image.image');
  const began = performance.now();
  const image = await daemon.pullImage({ reference, auth: registryAuth(request.auth), signal: call.signal });
  call.log.info('image pulled', {
    image: reference,
    id: image.id,
    bytes: image.sizeBytes,
    ms: Math.round(performance.now() - began),
  });
  return { imageRef: image.id };
};

/** The credentials that came with the request; empty fields are absent ones. */
const registryAuth = (auth: AuthConfig | undefined): RegistryAuth | undefined => {
  if (auth === undefined) return undefined;
  const given = {
    username: auth.username,
    password: auth.password,
    auth: auth.auth,
    identityToken: auth.identityToken,
    registryToken: auth.registryToken,
  };
  requireHeaderText('auth.auth', auth.auth);
  requireHeaderText('auth.identity_token', auth.identityToken);
  requireHeaderText('auth.registry_token', auth.registryToken);
  const filled = Object.entries(given).filter(([, value]) => value !== '');
  return filled.length === 0 ? undefined : Object.fromEntries(filled);
};

/** It travels in a header, where a line end would begin another. */
const requireHeaderText = (field: string, text: string): void => {
  if (!/^[\x20-\x7e]*$/.test(text))
    throw new Fail('InvalidArgument', `${field} is not one line of ASCII text`);
};
