import { posix } from 'node:path';
import { Fail } from '../core/fail.ts';
import type { SpecInput } from './input.ts';

/**
 * What the container runs. The request's command replaces the image's entrypoint *and* its cmd;
 * the request's args replace the cmd alone (Kubernetes: command and args of a container).
 */
export const containerArgs = ({ container, image }: SpecInput): string[] => {
  const { Entrypoint, Cmd } = image.config.config ?? {};
  const entrypoint = container.command.length > 0 ? container.command : (Entrypoint ?? []);
  const cmd = container.args.length > 0 || container.command.length > 0 ? container.args : (Cmd ?? []);
  const args = [...entrypoint, ...cmd];
  if (args.length === 0) {
    throw new Fail('InvalidArgument', `no command: image ${image.reference} has no entrypoint and no cmd`, {
      hint: 'give the container a command',
    });
  }
  return args.map((argument) => requireArgument('command and args', argument));
};

/** `field` is what the request calls the list. */
export const requireArgument = (field: string, argument: string): string => {
  if (!argument.includes('\0')) return argument;
  throw new Fail('InvalidArgument', `${field}: ${JSON.stringify(argument.slice(0, 256))} contains a NUL`);
};

const OWN_PROC = /^\/proc\/(self|thread-self|[0-9]+)(\/|$)/;

/** The request's, else the image's, else `/`. An image may give it relative to `/`; a request may not. */
export const workingDirectory = ({ container, image }: SpecInput): string => {
  const requested = container.workingDir;
  const fromImage = image.config.config?.WorkingDir ?? '';
  const given = requested !== '' ? requested : fromImage.startsWith('/') ? fromImage : `/${fromImage}`;
  // Without `..` and double slashes: no other spelling of a forbidden path is left, and none goes to the runtime.
  const cwd = posix.normalize(given);
  // /proc/self/fd as working directory has let containers out of their root (CVE-2024-21626).
  if (cwd.startsWith('/') && !cwd.includes('\0') && !OWN_PROC.test(cwd)) return cwd;
  throw new Fail(
    'InvalidArgument',
    `working directory ${JSON.stringify(cwd)} is not an absolute path in the container`,
  );
};
