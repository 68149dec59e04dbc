import { z } from 'zod';
import { parseHop } from '../jump-host.ts';
import { secret } from './secrets.ts';
import { checked, file, section, text } from './values.ts';

/* How hosts are reached. */

export const sshKeys = {
  port: z
    .int()
    .min(1)
    .max(65535)
    .meta({ description: 'TCP port of sshd. Default: what ssh_config says, else 22.' })
    .optional(),
  user: text(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, 'is no user name')
    .meta({ description: 'Login user. Default: what ssh_config says, else the user who runs berth.' })
    .optional(),
  identityFiles: z
    .array(file)
    .meta({
      description:
        'Private keys to offer, in this order and no others. Default: what ssh_config says, else the agent, then the usual files in ~/.ssh.',
    })
    .optional(),
  password: secret.meta({ description: 'Where the login password comes from.' }).optional(),
  knownHostsFiles: z
    .array(file)
    .meta({
      description:
        'Files with the keys of known hosts. Default: what ssh_config says, else ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.',
    })
    .optional(),
  certificateFiles: z
    .array(file)
    .meta({
      description:
        'Certificates of the user keys. Default: what ssh_config says, and KEY-cert.pub beside each key. They go through OpenSSH.',
    })
    .optional(),
  connectTimeout: z
    .int()
    .min(1)
    .max(600)
    .meta({
      description:
        'Seconds in which a host must accept the connection and complete the SSH handshake. Default: what ssh_config says, else 15.',
    })
    .optional(),
  transport: z
    .enum(['auto', 'ssh2', 'openssh'])
    .meta({
      description:
        'ssh2: the library within berth. openssh: the ssh of this machine, one connection for each host. auto, the default: ssh2, and openssh for what needs it: ProxyCommand, certificates, FIDO keys, GSSAPI, PKCS#11.',
    })
    .optional(),
  useConfig: z
    .boolean()
    .meta({ description: 'Read ssh_config of the person who runs berth. Default: true.' })
    .optional(),
  configFile: file
    .meta({ description: 'Read this ssh_config instead of ~/.ssh/config and /etc/ssh/ssh_config.' })
    .optional(),
};

// Aliases of ssh_config may hold underscores. Four numbers are an address, or a slip of the pen.
export const hostName = text(
  /^(?![-.]|(?:\d+\.){3}\d+$)[A-Za-z0-9._-]{1,253}(?<![-.])$/,
  'is neither a host name nor an address',
);

export const sshHost = z
  .union([z.ipv4(), z.ipv6(), hostName], {
    error: ({ input }) => (input === undefined ? 'is missing' : 'is neither a host name nor an address'),
  })
  .meta({ description: 'Name or address to connect to, or an alias of ssh_config.' });

export const hostKeyAlias = text(/^[^\s,]+$/, 'is no name of known_hosts')
  .meta({
    description: 'Name under which known_hosts has the key. Default: what ssh_config says, else the host.',
  })
  .optional();

export const jumpText = checked((value) => {
  const hop = parseHop(value);
  return typeof hop === 'string' ? `"${value}" is no jump host: ${hop}` : undefined;
});

/** Hosts on the way: as `user@host:port`, or with the keys of a host over SSH. */
export const jump = z
  .array(
    z.union([jumpText, section({ host: sshHost, hostKeyAlias, ...sshKeys }, 'One jump host.')], {
      error: ({ input }) =>
        typeof input === 'string'
          ? undefined
          : 'a jump host is user@host:port, or { host: NAME, user: NAME, … }',
    }),
  )
  .meta({
    description:
      "Jump hosts on the way, the nearest first: user@host:port, or a mapping with the keys of ssh but jump. An empty list: none. Default: ssh_config's ProxyJump.",
  })
  .optional();

export const ssh = section(
  { host: sshHost, hostKeyAlias, jump, ...sshKeys },
  'A host that is reached over SSH.',
);

export const embedded = section(
  {
    name: text(/^[a-z0-9]{1,9}$/, 'at most 9 characters of a-z and 0-9: it names a network interface')
      .default('quick')
      .meta({
        description: 'Names the bridge, the network namespace and the cgroups of the throw-away host.',
      }),
    network: text(
      /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){2}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/,
      'the first three octets of a /24, as in 10.199.77',
    )
      .default('10.199.77')
      .meta({ description: 'First three octets of the /24 between this machine and the throw-away host.' }),
  },
  'A throw-away host that systemd-nspawn boots on this machine.',
);

export const sudo = z
  .boolean()
  .meta({ description: 'Become root through sudo where the login user is not root. Default: true.' });
export const sudoPassword = secret.meta({
  description: 'Where the password for sudo comes from. Default: sudo asks for none.',
});
