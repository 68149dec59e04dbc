import semver from 'semver';
import { z } from 'zod';
import { formatCidr, parseCidr } from './cidr.ts';
import { isRegistryPrefix, parseReference } from './image-reference.ts';

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

const httpAddress = checked((value) =>
  /^https?:$/.test(URL.parse(value)?.protocol ?? '') ? undefined : `"${value}" is no http or https address`,
);

const file = z.string().min(1);

const secret = z
  .strictObject(
    {
      env: text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of an environment variable')
        .meta({ description: 'Name of an environment variable on the machine that runs berth.' })
        .optional(),
      file: file
        .meta({ description: 'File that holds the secret and nothing else; a final newline is dropped.' })
        .optional(),
      prompt: z.literal(true).meta({ description: 'Ask on the terminal, without echo.' }).optional(),
    },
    {
      // The value that stands there may be the secret itself: it is never repeated.
      error: ({ code }) =>
        code === 'invalid_type'
          ? 'a secret does not belong in a profile; name where it comes from: { env: NAME }, { file: PATH } or { prompt: true }'
          : undefined,
    },
  )
  .refine((value) => Object.keys(value).length === 1, 'name exactly one source: env, file or prompt');

const sshKeys = {
  port: z.int().min(1).max(65535).meta({ description: 'TCP port of sshd. Default: 22.' }).optional(),
  user: text(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, 'is no user name')
    .meta({ description: 'Login user. Default: the user who runs berth.' })
    .optional(),
  identityFiles: z
    .array(file)
    .meta({
      description:
        'Private keys to offer, in this order and no others. Default: the agent, then the usual files in ~/.ssh.',
    })
    .optional(),
  password: secret.meta({ description: 'Where the login password comes from.' }).optional(),
  knownHostsFiles: z
    .array(file)
    .meta({
      description:
        'Files with the keys of known hosts. Default: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.',
    })
    .optional(),
};

const hostName = text(/^(?!-)[A-Za-z0-9.-]{1,253}(?<![-.])$/, 'is neither a host name nor an address');

const ssh = section(
  {
    host: z
      .union([z.ipv6(), hostName], {
        error: ({ input }) => (input === undefined ? 'is missing' : 'is neither a host name nor an address'),
      })
      .meta({ description: 'Name or address to connect to.' }),
    ...sshKeys,
  },
  'A host that is reached over SSH.',
);

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

const host = section(
  {
    name: text(
      /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/,
      'letters, digits, dots and dashes, at most 63 of them',
    ).meta({
      description: 'What berth calls the host: in messages, in plans and for --hosts.',
    }),
    ssh: ssh.optional(),
    local: section({}, 'This machine, without SSH. Written as local: {}').optional(),
    embedded: embedded.optional(),
    sudo: sudo.optional(),
    sudoPassword: sudoPassword.optional(),
  },
  'One host; exactly one of ssh, local and embedded says how it is reached.',
);

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
    packages: section(
      {
        extra: z
          .array(text(/^[A-Za-z0-9][A-Za-z0-9+._-]*$/, 'is no name of a package'))
          .default([])
          .meta({ description: 'Packages of the distribution to install besides those that a node needs.' }),
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
    verify: section(
      {
        level: z.enum(['smoke', 'node']).default('node').meta({
          description: 'smoke: units, socket and versions. node: also a redis pod from pull to removal.',
        }),
        image: imageReference
          .default('quay.io/crio/redis:alpine')
          .meta({ description: 'Image with redis-server for the pod.' }),
        imageSource: z.enum(['registry', 'embedded']).default('registry').meta({
          description:
            "registry: the host pulls the image from where it names. embedded: berth makes it from Debian's redis package and serves it on the host's loopback, at the port that the image names.",
        }),
      },
      'How the node is proven.',
    ).prefault({}),
  },
  'What a node is.',
);

export const profileSchema = section(
  {
    apiVersion: z
      .literal('berth.dev/v1')
      .default('berth.dev/v1')
      .meta({ description: 'Version of this form.' }),
    kind: z.literal('NodeProfile').default('NodeProfile').meta({ description: 'Kind of this document.' }),
    hosts: z.array(host).min(1).meta({ description: 'The machines that become nodes.' }),
    defaults: section(
      {
        ssh: section(
          sshKeys,
          'For each host that is reached over SSH and does not say otherwise.',
        ).optional(),
        sudo: sudo.optional(),
        sudoPassword: sudoPassword.optional(),
      },
      'Values for each host that does not say otherwise.',
    ).prefault({}),
    spec: spec.prefault({}),
  },
  'A berth profile.',
);

export type ProfileForm = z.output<typeof profileSchema>;
export type SecretForm = z.output<typeof secret>;
