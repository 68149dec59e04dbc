import { Fail } from '../core/fail.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, Step } from './change.ts';
import type { PackagesResource } from './resource.ts';

/** The host fetches, and makes a whole new deployment of its image. */
const layerDeadlineSeconds = 1800;

/** rpm-ostree does one thing at a time, and refuses a second one instead of waiting: an update by the host itself, say. */
const whenIdle = 'while rpm-ostree status 2> /dev/null | grep -q "^State: busy"; do sleep 1; done\n';

/**
 * On a host whose packages are part of an image. They are added to it only where the profile says so: a layered host
 * updates more slowly, and no longer is what its vendor has tested.
 * @throws Fail `Unsupported` with what is missing
 */
export function planImagePackages({ names, layer }: PackagesResource, facts: Facts): Change[] {
  const absent = names.filter((name) => facts.packages.packages.get(name)?.state !== 'installed');
  if (absent.length === 0) return [];
  const { image, os } = facts.system;
  const lacks = `${os.prettyName} is image-based, and its image lacks ${absent.join(', ')}`;
  if (!layer)
    throw new Fail('Unsupported', lacks, {
      hint: 'Build them into the image, or set spec.packages.ostree to layer, and rpm-ostree adds them to it.',
    });
  if (image !== 'layered')
    throw new Fail('Unsupported', lacks, {
      hint: 'The host has no rpm-ostree, which could add them: build them into the image.',
    });
  const script = `${whenIdle}exec rpm-ostree install --apply-live --idempotent --allow-inactive --assumeyes "$@"`;
  return [
    {
      id: 'packages',
      action: 'install',
      summary: `layer ${absent.join(', ')} on the image`,
      bringsPackages: true,
      steps: [run(script, absent)],
    },
  ];
}

/** Takes the requests for these packages back; dependencies are none, and go with what needed them. */
export const removeFromImage = (names: readonly string[]): Change => ({
  id: 'packages',
  action: 'remove',
  summary: `take ${names.join(', ')} off the image, from the next boot on`,
  mayStay: true,
  steps: [
    run(
      `${whenIdle}status=$(rpm-ostree status --json) || exit
for name do
  shift
  case $status in *'"'"$name"'"'*) set -- "$@" "$name" ;; esac
done
[ $# -eq 0 ] || exec rpm-ostree uninstall --idempotent --assumeyes "$@"`,
      names,
    ),
  ],
});

const run = (script: string, names: readonly string[]): Step => ({
  kind: 'run',
  argv: ['sh', '-c', script, 'sh', ...names],
  deadlineSeconds: layerDeadlineSeconds,
});
