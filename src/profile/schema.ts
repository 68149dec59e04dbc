import { z } from 'zod';
import { embedded, jump, ssh, sshKeys, sudo, sudoPassword } from './schema/access.ts';
import { gce, gceDefaults, vagrant } from './schema/machines.ts';
import { type secret, vars } from './schema/secrets.ts';
import { spec } from './schema/spec.ts';
import { section, text } from './schema/values.ts';

/*
 * The YAML form of a profile: its keys, defaults and descriptions. docs/profile.md and the editor's JSON Schema
 * come from here. Rules that span several keys are in cross-checks.ts.
 */

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
    vagrant: vagrant.optional(),
    gce: gceDefaults
      .meta({
        description: 'An instance of Google Compute Engine: found, or made by apply and by hosts create.',
      })
      .optional(),
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
  'One host; exactly one of ssh, local, embedded, vagrant and gce says how it is reached.',
);

const group = section(
  {
    ssh: section(
      { jump, ...sshKeys },
      'For hosts of the group that are reached over SSH and do not say otherwise.',
    ).optional(),
    gce: gceDefaults.optional(),
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
export const accessSchema = host
  .omit({ groups: true, vars: true, spec: true })
  .extend({ gce: gce.optional() });

const noHosts =
  'names no host; a profile has at least one, as in - { name: node-1, ssh: { host: 192.0.2.10 } }';

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
    hosts: z
      .array(host, { error: ({ input }) => (input === null ? noHosts : undefined) })
      .min(1, noHosts)
      .meta({ description: 'The machines that become nodes.' }),
    defaults: section(
      {
        ssh: section(
          { jump, ...sshKeys },
          'For each host that is reached over SSH and does not say otherwise.',
        ).optional(),
        gce: gceDefaults.optional(),
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
