import semver from 'semver';
import { z } from 'zod';
import { formatCidr, parseCidr } from './cidr.ts';
import { isRegistryPrefix, parseReference } from './image-reference.ts';
import { parseHop } from './jump-host.ts';
import { filePath, oneValue } from './known-keys.ts';
import { proxyProblem } from './proxy-address.ts';
import { variableName } from './variables.ts';

/*
 * The YAML form of a profile: its keys, defaults and descriptions. docs/profile.md and the editor's JSON Schema
 * come from here. Rules that span several keys are in cross-checks.ts.
 */

/** A mapping that may be left out: its own keys bring the defaults. */
const section = <Shape extends z.ZodRawShape>(shape: Shape, description: string) =>
  z.strictObject(shape).meta({ description });

const text = (pattern: RegExp, rule: string) => z.string().regex(pattern, rule);

/** A text that `problemWith` accepts by returning undefined. */
const checked = (problemWith: (value: string) => string | undefined) =>
  z.string().check((context) => {
    const message = problemWith(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  });

const cidr = checked((value) => {
  const range = parseCidr(value);
  if (!range) return `"${value}" is no range of addresses such as 10.88.0.0/16`;
  const [address = ''] = value.split('/');
  const start = parseCidr(`${address}/${range.family === 4 ? 32 : 128}`)?.first;
  return start === range.first
    ? undefined
    : `"${value}" is an address inside a range; the range is ${formatCidr(range)}`;
});

const imageReference = checked((value) => {
  const parts = parseReference(value);
  return typeof parts === 'string' ? `"${value}" is no image reference: ${parts}` : undefined;
});

const registryPrefix = checked((value) =>
  isRegistryPrefix(value) ? undefined : `"${value}" is no registry such as docker.io or localhost:5000`,
);

const version = z
  .string({
    error: ({ input }) =>
      typeof input === 'number' ? `${input} lacks a part: write the version as in 1.37.0` : undefined,
  })
  .check((context) => {
    if (semver.valid(context.value) !== null) return;
    const message = `"${context.value}" is no version: three numbers as in 1.37.0`;
    context.issues.push({ code: 'custom', message, input: context.value });
  });

const plainAddress = checked(proxyProblem);

const httpAddress = checked((value) =>
  /^https?:$/.test(URL.parse(value)?.protocol ?? '') ? undefined : `"${value}" is no http or https address`,
);

const file = filePath(z.string().min(1));

const environmentName = text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of an environment variable');

/** Ways to a value that does not stand in the profile. */
const sources = {
  env: environmentName
    .meta({ description: 'Name of an environment variable on the machine that runs berth.' })
    .optional(),
  file: file
    .meta({ description: 'File that holds the value and nothing else; a final newline is dropped.' })
    .optional(),
  prompt: z.literal(true).meta({ description: 'Ask on the terminal, without echo.' }).optional(),
  command: z
    .array(z.string())
    .min(1)
    .meta({
      description:
        'Program and arguments; its standard output is the value, a final newline is dropped. It runs on this machine, without a shell, for at most a minute.',
    })
    .optional(),
  age: file
    .meta({
      description: 'File encrypted by age; decrypted by the age program of this machine, with identity.',
    })
    .optional(),
  identity: file.meta({ description: 'age identity that decrypts the file.' }).optional(),
  sops: section(
    {
      file: file.meta({ description: 'File encrypted by SOPS.' }),
      key: text(/^[^\s.]+(?:\.[^\s.]+)*$/, 'is no path of keys such as registries.password').meta({
        description: 'The value within the file: keys with dots between them, numbers for entries of lists.',
      }),
    },
    'A value in a file encrypted by SOPS; decrypted by the sops program of this machine.',
  ).optional(),
};

const sourceKinds = ['env', 'file', 'prompt', 'command', 'age', 'sops'] as const;

/** What is wrong with the keys of a source; undefined: nothing. */
const sourceProblem = (form: Readonly<Record<string, unknown>>): string | undefined => {
  if (sourceKinds.filter((kind) => form[kind] !== undefined).length !== 1)
    return 'name exactly one source: env, file, prompt, command, age or sops';
  if ((form['age'] === undefined) === (form['identity'] === undefined)) return undefined;
  return form['age'] === undefined ? 'identity belongs to age' : 'age needs identity: FILE beside it';
};

const secret = oneValue(
  z
    .strictObject(sources, {
      // The value that stands there may be the secret itself: it is never repeated.
      error: ({ code }) =>
        code === 'invalid_type'
          ? 'a secret does not belong in a profile; name where it comes from, as in { env: NAME }, { file: PATH } or { prompt: true }'
          : undefined,
    })
    .check((context) => {
      const message = sourceProblem(context.value);
      if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
    }),
);

/** With a login it is a secret, wherever it comes from. */
const proxyAddress = z.union([plainAddress, secret], {
  error: ({ input }) =>
    typeof input === 'object' && input !== null && !Array.isArray(input)
      ? undefined
      : 'a proxy is an address as in http://proxy.example:3128, or where it comes from, as in { env: NAME }',
});

const declared = oneValue(
  z
    .strictObject({
      ...sources,
      secret: z
        .literal(false)
        .meta({
          description:
            'The value of env, file or command is no secret, and may stand anywhere. Without it, it is one.',
        })
        .optional(),
    })
    .check((context) => {
      const { value } = context;
      const open = value.env !== undefined || value.file !== undefined || value.command !== undefined;
      const message =
        sourceProblem(value) ??
        (value.secret === false && !open
          ? 'only what env, file or command give can be other than secret'
          : undefined);
      if (message !== undefined) context.issues.push({ code: 'custom', message, input: value });
    }),
);

const vars = z.record(
  text(variableName, 'is no name of a variable: letters, digits, _ and -, the first no digit'),
  z.union([z.string(), z.number(), z.boolean(), declared], {
    error: ({ input }) =>
      typeof input === 'object' && input !== null && !Array.isArray(input)
        ? undefined
        : 'a variable is a text, a number, true or false, or where its value comes from, as in { env: NAME }',
  }),
);

const sshKeys = {
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

// Aliases of ssh_config may hold underscores.
const hostName = text(/^(?![-.])[A-Za-z0-9._-]{1,253}(?<![-.])$/, 'is neither a host name nor an address');

const sshHost = z
  .union([z.ipv6(), hostName], {
    error: ({ input }) => (input === undefined ? 'is missing' : 'is neither a host name nor an address'),
  })
  .meta({ description: 'Name or address to connect to, or an alias of ssh_config.' });

const hostKeyAlias = text(/^[^\s,]+$/, 'is no name of known_hosts')
  .meta({
    description: 'Name under which known_hosts has the key. Default: what ssh_config says, else the host.',
  })
  .optional();

const jumpText = checked((value) => {
  const hop = parseHop(value);
  return typeof hop === 'string' ? `"${value}" is no jump host: ${hop}` : undefined;
});

/** Hosts on the way: as `user@host:port`, or with the keys of a host over SSH. */
const jump = z
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

const ssh = section({ host: sshHost, hostKeyAlias, jump, ...sshKeys }, 'A host that is reached over SSH.');

const embedded = section(
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

const sudo = z
  .boolean()
  .meta({ description: 'Become root through sudo where the login user is not root. Default: true.' });
const sudoPassword = secret.meta({
  description: 'Where the password for sudo comes from. Default: sudo asks for none.',
});

const sysctlName = text(
  /^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_*:-]+)+$/,
  'is no name of a kernel parameter such as net.ipv4.ip_forward',
);

const network = section(
  {
    name: text(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'letters, digits and _ . -').meta({
      description: 'Name of the network in its CNI configuration.',
    }),
    type: z.enum(['bridge']).default('bridge').meta({ description: 'CNI plugin that makes the network.' }),
    bridge: text(/^[^\s/:.][^\s/:]{0,14}$/, 'at most 15 characters, without spaces, / and :')
      .default('cni0')
      .meta({ description: 'Network interface that the pods of a host share.' }),
    subnets: z
      .array(cidr)
      .min(1)
      .meta({ description: 'Ranges for pod addresses, IPv4 or IPv6; pods get one address from each.' }),
    masquerade: z.enum(['node', 'plugin', 'none']).default('node').meta({
      description:
        'How pods reach the world. node: one rule set per host, made by berth. plugin: the bridge plugin adds rules for every pod, which makes pods start later. none: pod addresses are routed by your network.',
    }),
  },
  'One pod network.',
);

export const mynet = {
  name: 'mynet',
  type: 'bridge',
  bridge: 'cni0',
  subnets: ['10.88.0.0/16'],
  masquerade: 'node',
} as const;

const spec = section(
  {
    engine: section(
      {
        name: z.enum(['berth']).default('berth').meta({ description: 'The runtime behind the CRI socket.' }),
      },
      'The CRI runtime.',
    ).prefault({}),
    ociRuntimes: z
      .array(
        section(
          { name: z.enum(['runc', 'crun']).meta({ description: 'Name of the runtime and of its handler.' }) },
          'One OCI runtime.',
        ),
      )
      .min(1)
      .default([{ name: 'runc' }])
      .meta({ description: 'OCI runtimes to install; the first is the default handler.' }),
    crictl: section(
      { version: version.default('1.37.0').meta({ description: 'Release of crictl to install.' }) },
      'The command line of the CRI.',
    ).prefault({}),
    cni: section(
      {
        networks: z
          .array(network)
          .min(1)
          .default([{ ...mynet, subnets: [...mynet.subnets] }])
          .meta({
            description: 'Pod networks; the first is the default one.',
          }),
        pluginDirs: z
          .array(text(/^\//, 'must be an absolute path'))
          .min(1)
          .default(['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'])
          .meta({ description: 'Folders with CNI plugins, searched in this order.' }),
      },
      'Pod networking.',
    ).prefault({}),
    registries: section(
      {
        unqualifiedSearch: z
          .array(registryPrefix)
          .default(['docker.io', 'quay.io'])
          .meta({ description: 'Where images with short names are looked for.' }),
        insecure: z.array(registryPrefix).default([]).meta({
          description: 'Registries spoken to without TLS, or with a certificate that nobody checks.',
        }),
        blocked: z
          .array(registryPrefix)
          .default([])
          .meta({ description: 'Registries that nothing is pulled from.' }),
        mirrors: z
          .array(
            section(
              {
                registry: registryPrefix.meta({
                  description: 'Registry, or prefix of image names, that the mirrors stand for.',
                }),
                mirrors: z
                  .array(registryPrefix)
                  .min(1)
                  .meta({ description: 'Mirrors, tried in this order before the registry itself.' }),
              },
              'Mirrors of one registry.',
            ),
          )
          .default([])
          .meta({ description: 'Mirrors by registry.' }),
        auth: z
          .array(
            section(
              {
                registry: registryPrefix.meta({
                  description: 'Registry, or prefix of image names, that the login is for.',
                }),
                username: z.string().min(1).meta({ description: 'Login name.' }),
                password: secret.meta({ description: 'Where the password or token comes from.' }),
              },
              'The login at one registry.',
            ),
          )
          .default([])
          .meta({
            description:
              'Logins of the node at registries, for images whose pod brings none. They are written to /etc/crio/registries-auth.json, which only root may read, and appear nowhere else.',
          }),
      },
      'Where images come from.',
    ).prefault({}),
    policy: section(
      {
        default: z
          .enum(['accept', 'reject'])
          .default('accept')
          .meta({ description: 'What policy.json says about images that no rule names.' }),
      },
      'Which images may run.',
    ).prefault({}),
    kernel: section(
      {
        modules: z
          .array(text(/^[A-Za-z0-9_-]+$/, 'is no name of a kernel module'))
          .default([])
          .meta({
            description: 'Kernel modules to load now and at each boot, besides overlay and br_netfilter.',
          }),
        sysctls: z
          .record(
            sysctlName,
            z.union([z.string(), z.number(), z.boolean()], {
              error: 'a kernel parameter is a text or a number',
            }),
          )
          .default({})
          .meta({
            description:
              'Kernel parameters to set now and at each boot, besides net.ipv4.ip_forward, net.bridge.bridge-nf-call-iptables and net.bridge.bridge-nf-call-ip6tables, which are 1.',
          }),
      },
      'What the kernel needs.',
    ).prefault({}),
    swap: z.enum(['keep', 'off']).default('keep').meta({
      description:
        'keep: swap stays as it is, since a machine may need it for other work; berth doctor warns where a kubelet would refuse to start. off: nothing is swapped out now and at later boots; reset brings the areas back.',
    }),
    timeSync: z.enum(['keep', 'timesyncd', 'chrony']).default('keep').meta({
      description:
        'Who keeps the clock right. keep: whoever does it now; berth doctor warns when nobody does. timesyncd or chrony: this one is installed, enabled and started, unless another one runs already, which is not replaced.',
    }),
    proxy: section(
      {
        http: proxyAddress
          .meta({
            description:
              'Proxy for http addresses, as in http://proxy.example:3128, or where its address comes from. One with a login, as in http://user:password@proxy.example:3128, is a secret: it is never shown, and only root may read it on the host.',
          })
          .optional(),
        https: proxyAddress
          .meta({ description: 'Proxy for https addresses. Default: that of http.' })
          .optional(),
        no: z
          .array(text(/^[^\s,'"]+$/, 'is no name, address or range'))
          .default([])
          .meta({
            description:
              'Names, domains, addresses and ranges that are reached without a proxy, besides the host itself and its pod ranges, which always are.',
          }),
      },
      'The way to registries and package repositories from hosts without a route of their own.',
    ).prefault({}),
    packages: section(
      {
        extra: z
          .array(text(/^[A-Za-z0-9][A-Za-z0-9+._-]*$/, 'is no name of a package'))
          .default([])
          .meta({ description: 'Packages of the distribution to install besides those that a node needs.' }),
        ostree: z.enum(['refuse', 'layer']).default('refuse').meta({
          description:
            'Image-based hosts (Fedora CoreOS, bootc). refuse: say which packages the image lacks. layer: add them to it with rpm-ostree.',
        }),
      },
      'Packages of the distribution.',
    ).prefault({}),
    artifacts: section(
      {
        source: z.enum(['auto', 'release', 'mirror', 'folder', 'go']).default('auto').meta({
          description:
            'Where pinned programs such as crictl come from. auto: folder, mirror, release address, go install, in this order. Whatever the way, a checksum decides.',
        }),
        mirror: httpAddress.meta({ description: 'Address of a mirror of the release files.' }).optional(),
        folder: file.meta({ description: 'Folder that holds the release files.' }).optional(),
      },
      'Where pinned programs come from.',
    ).prefault({}),
    templates: file
      .meta({
        description:
          'Folder of your own templates. One that lies where berth has one (etc/crictl.yaml.hbs) takes its place; any other makes a file of its own, at the path that its place says.',
      })
      .optional(),
    generations: section(
      {
        keep: z.int().min(1).max(1000).default(10).meta({
          description:
            'How many generations (applies and rollbacks that changed something) a host keeps the way back of. Those since the last one that was proven green stay, however many they are.',
        }),
      },
      'What berth remembers on a host.',
    ).prefault({}),
    verify: section(
      {
        level: z.enum(['smoke', 'node', 'full']).default('node').meta({
          description:
            'smoke: units, socket, versions, configuration. node: also pods, their network and streams. full: also restarts of the daemons under a running container, limits, confinement, and a part of critest where there is one.',
        }),
        image: imageReference
          .default('quay.io/crio/redis:alpine')
          .meta({ description: 'Image with redis-server for the pod.' }),
        imageSource: z.enum(['registry', 'embedded']).default('registry').meta({
          description:
            "registry: the host pulls the image from where it names. embedded: berth makes it from Debian's redis package and serves it on the host's loopback, at the port that the image names.",
        }),
        hostPort: z
          .int({ error: 'a port is a whole number from 1 to 65535' })
          .min(1, 'a port is a whole number from 1 to 65535')
          .max(65_535, 'a port is a whole number from 1 to 65535')
          .default(18_736)
          .meta({ description: 'Port of the host that a pod of the verification takes for a moment.' }),
        critestImages: z
          .strictObject({
            defaultTestContainerImage: imageReference
              .meta({ description: 'Image with busybox. Default: that of the redis pod.' })
              .optional(),
            webServerTestImage: imageReference
              .meta({ description: 'Image with a web server on port 80.' })
              .optional(),
          })
          .prefault({})
          .meta({ description: 'Images for critest at level full, by its own names.' }),
      },
      'How the node is proven.',
    ).prefault({}),
  },
  'What a node is.',
);

const groupName = text(
  /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/,
  'must be letters, digits, dots and dashes, at most 63 of them',
);

const host = section(
  {
    name: text(
      /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/,
      'must be letters, digits, dots and dashes, at most 63 of them',
    ).meta({
      description: 'What berth calls the host: in messages, in plans and for --hosts.',
    }),
    ssh: ssh.optional(),
    local: section({}, 'This machine, without SSH. Written as local: {}').optional(),
    embedded: embedded.optional(),
    sudo: sudo.optional(),
    sudoPassword: sudoPassword.optional(),
    groups: z
      .array(groupName)
      .meta({ description: 'Groups that the host is in; of two that say the same, the later wins.' })
      .optional(),
    vars: vars.meta({ description: 'Variables of this host; they win over those of its groups.' }).optional(),
    spec: spec
      .meta({ description: 'What is different on this host. Mappings are joined, lists replace.' })
      .optional(),
  },
  'One host; exactly one of ssh, local and embedded says how it is reached.',
);

const group = section(
  {
    ssh: section(
      { jump, ...sshKeys },
      'For hosts of the group that are reached over SSH and do not say otherwise.',
    ).optional(),
    sudo: sudo.optional(),
    sudoPassword: sudoPassword.optional(),
    vars: vars
      .meta({ description: 'Variables of the group; they win over those of the profile.' })
      .optional(),
    spec: spec
      .meta({ description: 'What is different on hosts of the group. Mappings are joined, lists replace.' })
      .optional(),
  },
  'Values for the hosts that name the group.',
);

/** What a host should be, once its groups and its own words are laid over the profile's. */
export const specSchema = spec;

/** How a host is reached, once defaults and groups are laid under it. */
export const accessSchema = host.omit({ groups: true, vars: true, spec: true });

export const profileSchema = section(
  {
    apiVersion: z
      .literal('berth.dev/v1')
      .default('berth.dev/v1')
      .meta({ description: 'Version of this form.' }),
    kind: z.literal('NodeProfile').default('NodeProfile').meta({ description: 'Kind of this document.' }),
    include: z
      .array(z.string().min(1))
      .meta({
        description:
          'Files whose values this one builds on, relative to its folder. Later files win over earlier ones, and this one over all of them: mappings are joined, lists replace.',
      })
      .optional(),
    vars: vars
      .meta({ description: 'Variables: ${name} in a text stands for the value of the variable.' })
      .optional(),
    hosts: z.array(host).min(1).meta({ description: 'The machines that become nodes.' }),
    defaults: section(
      {
        ssh: section(
          { jump, ...sshKeys },
          'For each host that is reached over SSH and does not say otherwise.',
        ).optional(),
        sudo: sudo.optional(),
        sudoPassword: sudoPassword.optional(),
      },
      'Values for each host that does not say otherwise.',
    ).prefault({}),
    groups: z.record(groupName, group).meta({ description: 'Groups of hosts, by name.' }).optional(),
    spec: spec.prefault({}),
  },
  'A berth profile.',
);

export type HostForm = z.output<typeof accessSchema>;
export type SpecForm = z.output<typeof specSchema>;
export type SecretForm = z.output<typeof secret>;
