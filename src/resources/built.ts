import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import { stagingFolder } from '../host/script/state.ts';
import type { Change } from './change.ts';
import type { BuiltResource } from './resource.ts';

/** A configure script and a compiler on a small machine. */
const buildDeadlineSeconds = 600;

/**
 * SOURCE FOLDER PROGRAM PATH: builds a program that uses autotools, away from everything, and puts it to PATH in one step.
 */
const buildScript = `
set -e
umask 022
trap 'rm -rf "$2"' EXIT
rm -rf "$2"
mkdir -p "$2"
tar -xzf "$1" -C "$2" --strip-components=1 --no-same-owner
cd "$2"
if [ ! -x configure ]; then if [ -x autogen.sh ]; then NOCONFIGURE=1 ./autogen.sh; else autoreconf -i; fi; fi
./configure --prefix=/usr/local
# The program alone: its manual page would take tools for documents.
make -j2 "$3"
mkdir -p "\${4%/*}"
install -m 755 "$3" "$4.berth-new"
mv -f "$4.berth-new" "$4"
`;

const undoScript = 'rm -f "$1" "$2"; rmdir "${2%/*}" 2> /dev/null || true';

/** A program that the host builds from a source of ours: again when the source is another, or the program is not what it made. */
export function planBuilt({ name, path, source, marker }: BuiltResource, facts: Facts): Change[] {
  const program = fileAt(facts.files, path);
  const note = fileAt(facts.files, marker);
  const noted = note.kind === 'file' ? note.text?.trim().split(' ') : undefined;
  const isOurs = program.kind === 'file' && noted?.[0] === source.sha256 && noted[1] === program.sha256;
  if (isOurs) return [];
  const staged = `${stagingFolder}/${name}.tar.gz`;
  const folder = `${marker}.d`;
  // The marker says which program this source became: written by the host, which alone knows.
  const noteScript =
    'printf "%s %s\\n" "$1" "$(sha256sum < "$2" | cut -d " " -f 1)" > "$3.new" && mv -f "$3.new" "$3"';
  const { path: from, sha256, bytes } = source;
  return [
    {
      id: `built:${path}`,
      action: program.kind === 'absent' ? 'create' : 'update',
      summary: `build ${name} and put it to ${path}`,
      ...(noted === undefined
        ? {}
        : { reason: noted[0] === sha256 ? 'the program was changed' : 'its source is another' }),
      // A program that was there before cannot come back: who goes back to it keeps what this made.
      ...(program.kind === 'absent'
        ? {
            origins: [
              { kind: 'undo', name: `built:${path}`, argv: ['sh', '-c', undoScript, 'sh', path, marker] },
            ],
          }
        : {}),
      steps: [
        { kind: 'stage', path: staged, content: { kind: 'local-file', path: from, sha256, bytes } },
        {
          kind: 'run',
          argv: ['sh', '-c', buildScript, 'sh', staged, folder, name, path],
          deadlineSeconds: buildDeadlineSeconds,
        },
        { kind: 'run', argv: ['sh', '-c', noteScript, 'sh', sha256, path, marker], deadlineSeconds: 30 },
      ],
    },
  ];
}
