import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { stateFolder } from '../host/script/state.ts';

/* A script for the first boot, as what reads such data takes it. */

const script = `${stateFolder}/first-boot`;

/** cloud-init's cloud-config: modules write_files and runcmd. */
export function cloudConfig(text: string): string {
  const document = {
    write_files: [
      {
        path: script,
        owner: 'root:root',
        permissions: '0700',
        encoding: 'gz+b64',
        content: gzipSync(text).toString('base64'),
      },
    ],
    runcmd: [['sh', script]],
  };
  return `#cloud-config\n${head(text)}${stringify(document, { lineWidth: 0 })}`;
}

/** After the network, once: the script itself knows a machine that it made a node already. */
const unit = `[Unit]
Description=Make this machine a Kubernetes container host
Wants=network-online.target
After=network-online.target
ConditionPathExists=!${stateFolder}/first-boot-done

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${script}
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
`;

/** Ignition's configuration, specification 3.4. */
export function ignition(text: string): string {
  // Of what lies on the disk in the end, whatever it is compressed by on the way.
  const hash = `sha256-${createHash('sha256').update(text).digest('hex')}`;
  const source = `data:;base64,${gzipSync(text).toString('base64')}`;
  const document = {
    ignition: { version: '3.4.0' },
    storage: {
      files: [
        { path: script, mode: 0o700, contents: { compression: 'gzip', source, verification: { hash } } },
      ],
    },
    systemd: { units: [{ name: 'berth-first-boot.service', enabled: true, contents: unit }] },
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** The comment at the top of the script, for who reads only this file. */
const head = (text: string): string => {
  const lines = text.split('\n').slice(1);
  const end = lines.findIndex((line) => !line.startsWith('#'));
  return lines
    .slice(0, end)
    .map((line) => `${line}\n`)
    .join('');
};
