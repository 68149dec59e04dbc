import { z } from 'zod';
import { kubernetes } from './kubernetes.ts';
import { policyRule } from './policy.ts';
import { cniPlugins, crictl, engine, ociRuntime } from './runtimes.ts';
import { proxyAddress, secret } from './secrets.ts';
import { cidr, file, httpAddress, imageReference, registryPrefix, section, text } from './values.ts';

/* What hosts should be. */

export const sysctlName = text(
  /^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_*:-]+)+$/,
  'is no name of a kernel parameter such as net.ipv4.ip_forward',
);

export const network = section(
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

export const spec = section(
  {
    engine: engine.prefault({}),
    ociRuntimes: z
      .array(ociRuntime)
      .min(1)
      .prefault([{ name: 'runc' }])
      .meta({ description: 'OCI runtimes to install; the first is the default handler.' }),
    crictl: crictl.prefault({}),
    cni: section(
      {
        provider: z.enum(['berth', 'other']).default('berth').meta({
          description:
            'Who makes the pod networks. berth: those below. other: a CNI of the cluster, such as Calico or Cilium, which brings its own configuration; berth writes none, and leaves it in charge.',
        }),
        plugins: cniPlugins.prefault({}),
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
        rules: z.array(policyRule).default([]).meta({
          description: 'Images that something else holds for; the most specific rule counts.',
        }),
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
    kubernetes: kubernetes.optional(),
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
