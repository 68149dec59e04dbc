import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Fail } from '../core/fail.ts';
import { byteSize, counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import type { FirstBootArtifact } from '../host/script/first-boot.ts';
import type { HostEntry } from '../profile/profile.ts';
import { exitCodes } from './exit-codes.ts';
import { type RunOptions, withRunOptions } from './options.ts';
import { requireWritable, writeWhole } from './write-whole.ts';

interface ExportOptions extends RunOptions {
  readonly cloudInit?: string;
  readonly ignition?: string;
  readonly metadataStartup?: string;
  readonly os: string;
  readonly arch: 'x64' | 'arm64';
  readonly artifacts?: string;
  readonly artifactsFolder?: string;
}

const kinds = ['cloudInit', 'ignition', 'metadataStartup'] as const;
type Kind = (typeof kinds)[number];

/** What a value of the metadata of Compute Engine may hold: https://cloud.google.com/compute/docs/metadata. */
const metadataBytes = 256 * 1024;
/** EC2's user data, before base64. */
const ec2Bytes = 16 * 1024;

const exportProfile = async (context: FlowContext, face: Face, options: ExportOptions): Promise<number> => {
  const [{ exportFirstBoot, imageOf }, { cloudConfig, ignition }, { bareSystem }] = await Promise.all([
    import('../flows/export.ts'),
    import('../flows/first-boot-formats.ts'),
    import('../node/bare-host.ts'),
  ]);
  const { kind, file } = wanted(options);
  const { os, arch, artifacts: address, artifactsFolder } = options;
  if (address === undefined && artifactsFolder !== undefined)
    throw new Fail(
      'BadUsage',
      '--artifacts-folder without --artifacts: the data hold the artifacts themselves',
      {
        hint: 'Say by --artifacts at which address machines will find what is in the folder.',
      },
    );
  const system = bareSystem(os);
  const host = theOne(context.hosts);
  await requireWritable(file);
  const made = await exportFirstBoot(context, host, { system, arch, address });
  const formats: Readonly<Record<Kind, (script: string) => string>> = {
    cloudInit: cloudConfig,
    ignition,
    metadataStartup: (script) => script,
  };
  const text = formats[kind](made.text);
  requireFits(kind, text, address);
  if (artifactsFolder !== undefined) await writeArtifacts(artifactsFolder, made.artifacts);
  await writeWhole(file, text, 0o644);
  const proof = imageOf(host.spec);
  face.message(
    [
      `${file}: ${byteSize(Buffer.byteLength(text))}, for ${system.name} on ${arch}${sizeNote(kind, text)}.`,
      ...artifactsNote(made.artifacts, address, artifactsFolder),
      proof === undefined
        ? 'A machine proves itself by its services and crictl, without a pod: the profile names no image that it could pull.'
        : `A machine proves itself by a pod of ${proof}.`,
    ].join('\n'),
  );
  return exitCodes.done;
};

const wanted = (options: ExportOptions): { readonly kind: Kind; readonly file: string } => {
  const found = kinds.flatMap((kind) => {
    const file = options[kind];
    return file === undefined ? [] : [{ kind, file }];
  });
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  throw new Fail(
    'BadUsage',
    `berth export writes one kind of data at a time, and ${found.length === 0 ? 'none' : 'several'} was asked for`,
    {
      hint: 'Give one of --cloud-init FILE, --ignition FILE and --metadata-startup FILE.',
    },
  );
};

/** Machines that are made by somebody else are alike: one spec for all of them. */
const theOne = (hosts: readonly HostEntry[]): HostEntry => {
  const [first, ...others] = hosts;
  const other = others.find(({ spec }) => JSON.stringify(spec) !== JSON.stringify(first?.spec));
  if (first !== undefined && other === undefined) return first;
  throw new Fail(
    'BadUsage',
    `${first?.name} and ${other?.name} are to become different nodes, and first-boot data make one kind`,
    {
      hint: `Say which: --hosts ${first?.name}`,
    },
  );
};

const requireFits = (kind: Kind, text: string, address: string | undefined): void => {
  const bytes = Buffer.byteLength(text);
  if (kind !== 'metadataStartup' || bytes <= metadataBytes) return;
  throw new Fail(
    'BadUsage',
    `a startup script of ${byteSize(bytes)} is more than the ${byteSize(metadataBytes)} that metadata of Compute Engine hold`,
    {
      hint:
        address === undefined
          ? 'Let machines fetch the large files: --artifacts URL --artifacts-folder FOLDER, and put the folder there (a bucket, say).'
          : 'Leave templates or files out of the profile.',
    },
  );
};

const sizeNote = (kind: Kind, text: string): string => {
  const bytes = Buffer.byteLength(text);
  if (kind === 'metadataStartup' || bytes <= ec2Bytes) return '';
  return bytes <= metadataBytes
    ? '; metadata of Compute Engine hold it, user data of EC2 (16 KiB) do not: let an #include name it there'
    : '; for sources without a limit (NoCloud, a config drive, vSphere): clouds take 16 to 256 KiB, and need --artifacts';
};

const artifactsNote = (
  artifacts: readonly FirstBootArtifact[],
  address: string | undefined,
  folder: string | undefined,
): string[] => {
  if (address === undefined) return [];
  const total = byteSize(artifacts.reduce((sum, { bytes }) => sum + bytes.length, 0));
  const what = `${counted(artifacts.length, 'file')} (${total})`;
  return folder === undefined
    ? [`Machines fetch ${what} from ${address}; write them with --artifacts-folder FOLDER.`]
    : [
        `Machines fetch ${what} from ${address}: put what is in ${folder} there. Their sha256 is in the data.`,
      ];
};

const writeArtifacts = async (folder: string, artifacts: readonly FirstBootArtifact[]): Promise<void> => {
  await mkdir(folder, { recursive: true });
  for (const { name, bytes } of artifacts) await writeFile(join(folder, name), bytes);
};

const httpAddress = (text: string): string => {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('It must be an http or https address.');
};

export const exportCommand = (setExitCode: (code: number) => void): Command =>
  withRunOptions(new Command('export'))
    .summary('write the node as first-boot data, for machines that make themselves')
    .description(
      'Writes what makes a machine a node at its first boot: the steps of berth apply, planned for a bare machine of the\n' +
        'distribution, and a proof by crictl at their end. Fleets that scale by themselves need no SSH. No host is contacted.\n\n' +
        'Secrets are refused: clouds show first-boot data to every program of a machine. A machine of another distribution,\n' +
        'release or architecture refuses the data; a second boot does nothing.',
    )
    .option('--cloud-init <file>', 'cloud-config for cloud-init')
    .option('--ignition <file>', 'configuration for Ignition (Fedora CoreOS), specification 3.4')
    .option('--metadata-startup <file>', 'a shell script, as the startup-script of Compute Engine')
    .requiredOption(
      '--os <name>',
      'the distribution of the image, e.g. debian:12, ubuntu:24.04, fedora:41, fedora-coreos',
    )
    .addOption(
      new Option('--arch <name>', 'architecture of the machines').choices(['x64', 'arm64']).default('x64'),
    )
    .option('--artifacts <address>', 'machines fetch the large files from here, by their sha256', httpAddress)
    .option('--artifacts-folder <folder>', 'write the large files there, to be put at that address')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  berth export node.yaml --os debian:12 --cloud-init user-data \\\n    --artifacts https://files.example.com/berth \\\n    --artifacts-folder berth-files\n' +
        '  berth export node.yaml --os fedora-coreos --ignition node.ign\n' +
        '  berth export node.yaml --os debian:12 --metadata-startup startup.sh \\\n    --artifacts https://storage.googleapis.com/BUCKET',
    )
    .action(async (file: string, options: ExportOptions) => {
      const { runOnHosts } = await import('./run-command.ts');
      setExitCode(await runOnHosts(file, options, (context, face) => exportProfile(context, face, options)));
    });
