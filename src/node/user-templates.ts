import { Fail } from '../core/fail.ts';
import type { Resource } from '../resources/resource.ts';
import type { Concern, Given } from './concern.ts';
import { daemonOf } from './engines.ts';

/** Who reads what lies in a folder: restarted when a file of the user there changes. */
const readers = (daemon: string): readonly (readonly [RegExp, string])[] => [
  [/^\/etc\/(crio|containers|cni\/net\.d)\//, daemon],
  [/^\/etc\/systemd\/system\/crio\.service\.d\//, 'crio.service'],
  [/^\/etc\/systemd\/system\/berthd\.service\.d\//, 'berthd.service'],
  [/^\/etc\/(kubernetes\/kubelet\.conf\.d|systemd\/system\/kubelet\.service\.d)\//, 'kubelet.service'],
  [/^\/etc\/systemd\/system\/berth-shim\.service\.d\//, 'berth-shim.service'],
];

/** What a template of the user may name: what the profile says of the host, and what the host is. */
const valuesOf = ({ host, spec, facts: { system } }: Given) => ({
  ...(host === undefined ? {} : { host }),
  spec,
  arch: system.arch,
  kernel: system.kernel,
  os: system.os,
});

/** Files that templates of the user bring besides those that berth knows. */
export const userTemplates: Concern = {
  asks: () => ({}),
  resources: (given) => ({
    resources: given.render.added.map(({ path, mode }): Resource => {
      const readBy = readers(daemonOf(given.spec)).flatMap(([pattern, unit]) =>
        pattern.test(path) ? [unit] : [],
      );
      const text = given.render(path, valuesOf(given));
      return {
        kind: 'file',
        path,
        content: { kind: 'text', text },
        mode,
        ...(readBy.length > 0 ? { readBy } : {}),
      };
    }),
  }),
};

/**
 * Two resources for one file would undo each other with every apply.
 * @throws Fail `BadProfile`
 */
export function requireOneEach(resources: readonly Resource[]): void {
  const seen = new Set<string>();
  for (const resource of resources) {
    if (resource.kind !== 'file' && resource.kind !== 'link') continue;
    if (seen.has(resource.path))
      throw new Fail('BadProfile', `a template of the user makes ${resource.path}, which berth makes too`, {
        hint: 'Name another file, such as a drop-in beside it.',
      });
    seen.add(resource.path);
  }
}
