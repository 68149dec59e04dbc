import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import type { Role } from './role.ts';
import type { Tool, Way } from './tool.ts';

const run = promisify(execFile);

export const pyinfra = (program: string, role: Role): Tool => ({
  name: 'pyinfra',
  async run(way, expects) {
    writeFileSync(join(way.folder, 'inventory.py'), inventoryFor(way));
    writeFileSync(join(way.folder, 'deploy.py'), deployOf(role));
    const { stdout, stderr } = await run(program, ['-y', 'inventory.py', 'deploy.py'], {
      cwd: way.folder,
      env: { ...process.env, LC_ALL: 'C.UTF-8', SSH_AUTH_SOCK: '' },
      maxBuffer: 2 ** 26,
    }).catch((error: { stdout?: string; stderr?: string; message: string }) => {
      throw new Error(`${error.message}\n${error.stdout}${error.stderr}`);
    });
    const said = stdout + stderr;
    // Its table of results ends with the sums over all hosts; what was changed stands under Success.
    if (expects === 'nothing' && changesIn(said) !== 0)
      throw new Error(`pyinfra changed something:\n${said.slice(-8000)}`);
    return said;
  },
});

/** The numbers of the row `Grand total`: hosts, success, error, no change; a dash is none. */
const changesIn = (said: string): number => {
  const row = stripVTControlCharacters(said).match(/^ *Grand total\b(.*)$/m)?.[1];
  const [, success] = row?.match(/-|\d+/g) ?? [];
  if (success === undefined) throw new Error(`pyinfra says no sums:\n${said.slice(-4000)}`);
  return success === '-' ? 0 : Number(success);
};

const inventoryFor = ({ targets, user, identity, knownHosts }: Way): string =>
  `hosts = [\n${targets
    .map(
      ({ name, host, port }) =>
        `    (${JSON.stringify(name)}, {"ssh_hostname": ${JSON.stringify(host)}, "ssh_port": ${port}, ` +
        `"ssh_user": ${JSON.stringify(user)}, "ssh_key": ${JSON.stringify(identity)}, ` +
        `"ssh_known_hosts_file": ${JSON.stringify(knownHosts)}, "ssh_strict_host_key_checking": "yes"}),\n`,
    )
    .join('')}]\n`;

/** JSON of texts and lists of texts is Python too. */
const deployOf = (role: Role): string => `
from pyinfra import host
from pyinfra.facts.files import Directory
from pyinfra.operations import apt, files, server, systemd

apt.packages(name="packages", packages=${JSON.stringify(role.packages)}, present=True)
for item in ${JSON.stringify(role.folders)}:
    files.directory(name=item["path"], path=item["path"], mode=item["mode"].lstrip("0"))
for item in ${JSON.stringify(role.files)}:
    files.put(name=item["path"], src=${JSON.stringify(role.contents)} + item["path"], dest=item["path"], mode=item["mode"].lstrip("0"))
for item in ${JSON.stringify(role.links)}:
    files.link(name=item["path"], path=item["path"], target=item["target"])
# As far as it goes: server.modprobe reads /proc/modules, which a host in a container lacks.
for module in ${JSON.stringify(role.modules)}:
    host.get_fact(Directory, path="/sys/module/" + module)
for item in ${JSON.stringify(role.sysctls)}:
    server.sysctl(name=item["name"], key=item["name"], value=item["value"])
for unit in ${JSON.stringify(role.units)}:
    systemd.service(name=unit, service=unit, running=True, enabled=True)
`;
