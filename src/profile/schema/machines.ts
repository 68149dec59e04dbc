import { z } from 'zod';
import { jump } from './access.ts';
import { file, section, text } from './values.ts';

/* Machines that somebody else keeps a list of: Vagrant, and Google Compute Engine. */

export const vagrant = section(
  {
    machine: text(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'is no name of a Vagrant machine')
      .default('default')
      .meta({
        description: "Name of the machine in the Vagrantfile. Vagrant's own for the only one: default.",
      }),
    directory: file
      .meta({ description: 'Folder of the Vagrantfile. Default: the folder of this profile.' })
      .optional(),
  },
  'A machine of Vagrant: vagrant ssh-config says how it is reached.',
);

/** Names of Compute Engine resources: RFC 1035 labels. */
const resourceName = text(
  /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  'must be lower-case letters, digits and dashes, begin with a letter, and have at most 63 of them',
);

/** Domain-scoped projects have a colon: example.com:project. */
const projectId = text(/^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'is no project ID');

const labelKey = text(
  /^(?!berth-)(?!created-by$)[a-z][a-z0-9_-]{0,62}$/,
  'must be lower-case letters, digits, _ and -, at most 63 of them; created-by and berth-… are taken by berth',
);
const labelValue = text(
  /^[a-z0-9_-]{0,63}$/,
  'must be lower-case letters, digits, _ and -, at most 63 of them',
);

const imageName = text(/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'is no name of an image or a family');

const gceKeys = {
  instance: resourceName
    .meta({ description: 'Name of the instance. Default: the name of the host.' })
    .optional(),
  machineType: text(/^[a-z0-9-]+$/, 'is no machine type')
    .meta({ description: 'Machine type of a new instance. Default: e2-standard-2.' })
    .optional(),
  image: imageName
    .meta({ description: 'One image, by name: a new instance is made of exactly this one.' })
    .optional(),
  imageFamily: imageName
    .meta({
      description: 'A family of images: a new instance is made of its newest one. Default: debian-12.',
    })
    .optional(),
  imageProject: projectId
    .meta({ description: 'Project of the image or family. Default: debian-cloud.' })
    .optional(),
  disk: section(
    {
      sizeGb: z
        .int()
        .min(10)
        .max(65536)
        .meta({ description: 'Gibibytes. Default: what the image asks for.' })
        .optional(),
      type: text(/^[a-z0-9-]+$/, 'is no disk type')
        .meta({ description: 'Default: pd-balanced.' })
        .optional(),
    },
    'Boot disk of a new instance; it goes with the instance.',
  ).optional(),
  network: section(
    {
      name: resourceName.meta({ description: 'VPC network. Default: default.' }).optional(),
      subnetwork: resourceName
        .meta({ description: 'Subnetwork of the region of the zone. Default: the one of the network.' })
        .optional(),
      externalAddress: z
        .boolean()
        .meta({
          description:
            'Give a new instance an address on the internet, and reach it there. False: it is reached at its address in the network, by a jump host or from inside. Default: true.',
        })
        .optional(),
      tags: z.array(resourceName).meta({ description: 'Network tags, for firewall rules.' }).optional(),
    },
    'Network of a new instance.',
  ).optional(),
  spot: z
    .boolean()
    .meta({
      description:
        'A Spot instance: cheaper, and stopped whenever Google needs the room; apply starts it again. Default: false.',
    })
    .optional(),
  labels: z
    .record(labelKey, labelValue)
    .meta({ description: 'Labels of a new instance, beside those by which berth knows it again.' })
    .optional(),
  serviceAccount: text(/^[^@\s]+@[^@\s]+$/, 'is no e-mail address of a service account')
    .meta({ description: 'Service account that programs on a new instance act as. Default: none.' })
    .optional(),
  user: text(/^[a-z_][a-z0-9_-]*$/, 'is no user name')
    .meta({ description: 'Login user, made by the guest agent of the image. Default: berth.' })
    .optional(),
  identityFile: file
    .meta({
      description:
        'Private key to log in with; its public half, in FILE.pub, goes to the metadata of a new instance. Default: a key that berth makes for the instance.',
    })
    .optional(),
  osLogin: z
    .boolean()
    .meta({
      description:
        'OS Login decides who may log in: no key goes to the metadata; name user and identityFile. Default: false.',
    })
    .optional(),
  jump,
};

const project = projectId.meta({ description: 'Project of the instance.' });
const zone = text(/^[a-z]+-[a-z]+\d+-[a-z]$/, 'is no zone such as europe-west1-b').meta({
  description: 'Zone of the instance.',
});

/** With what defaults and groups say. */
export const gce = section({ project, zone, ...gceKeys }, 'An instance of Google Compute Engine.');

export const gceDefaults = section(
  { project: project.optional(), zone: zone.optional(), ...gceKeys },
  'For each host on Google Compute Engine that does not say otherwise.',
);
