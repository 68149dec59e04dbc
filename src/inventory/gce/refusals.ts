import { Fail } from '../../core/fail.ts';

/** What an answer or an operation of the compute API says of its failure. */
export interface Refusal {
  /** HTTP status; undefined for operations. */
  readonly status?: number;
  /** `errors[].reason` of answers, `errors[].code` of operations. */
  readonly reason: string;
  readonly message: string;
}

export interface Asked {
  /** The host of the profile. */
  readonly host: string;
  readonly project: string;
  readonly zone: string;
  readonly instance: string;
}

/** Of requests by minute, not of what a project may have. */
export const rateLimit = /rate_?limit/i;

function permission({ project }: Asked): string {
  return `Give the account the role roles/compute.instanceAdmin.v1 in ${project}, and roles/iam.serviceAccountUser on the service account of the instance, if it has one.`;
}

/**
 * What people can do about it, by what the API calls it: its reason first, its words where that says nothing. The words for
 * too many requests speak of a quota, too.
 */
const remedies: readonly (readonly [pattern: RegExp, remedy: (asked: Asked) => string])[] = [
  [
    /accessNotConfigured|SERVICE_DISABLED/,
    ({ project }) => `Enable the API: gcloud services enable compute.googleapis.com --project ${project}`,
  ],
  [
    /BILLING_DISABLED|requires billing/i,
    ({ project }) =>
      `Link the project to an account that is billed: https://console.cloud.google.com/billing/linkedaccount?project=${project}`,
  ],
  [
    /SCOPE_INSUFFICIENT|insufficient authentication scopes/i,
    () =>
      'The token may do less than its account: log in again (gcloud auth application-default login), or give the machine that berth runs on the scope cloud-platform.',
  ],
  [rateLimit, () => 'Too many requests at once: run the same command with --parallel 5.'],
  [
    /quota/i,
    ({ project, zone }) =>
      `See what is used: gcloud compute regions describe ${regionOf(zone)} --project ${project}; free some, take another region or machine type, or ask for more at https://console.cloud.google.com/iam-admin/quotas?project=${project}`,
  ],
  [
    /ZONE_RESOURCE_POOL_EXHAUSTED|STOCKOUT|resourcesExhausted|resource_availability/i,
    ({ zone }) =>
      `${zone} has no such machine free now: take another zone or machineType, or try again later; where it was for spot, spot: false has more room.`,
  ],
  [
    /alreadyExists|RESOURCE_ALREADY_EXISTS/i,
    ({ instance, zone }) =>
      `Somebody made ${instance} in ${zone} meanwhile: run the same command again to use it, or name another one in gce.instance.`,
  ],
  [
    /conditionNotMet|constraints?\/|orgpolicy/i,
    () => 'A policy of the organization forbids it: change the entry, or ask who keeps the policies.',
  ],
  [
    /resourceInUse|resourceNotReady/i,
    ({ instance }) => `Something else is done to ${instance} just now: run the same command again.`,
  ],
  [
    /SERVICE_ACCOUNT/i,
    ({ project }) =>
      `Check gce.serviceAccount: it must be there, and the account needs the role roles/iam.serviceAccountUser on it (gcloud iam service-accounts list --project ${project}).`,
  ],
];

const ofStatus: Readonly<Record<number, (asked: Asked) => string>> = {
  401: () => 'Log in again: gcloud auth application-default login',
  403: permission,
  404: ({ project, zone }) =>
    `Check project (${project}), zone (${zone}), image and network of the host in the profile: gcloud compute images list, gcloud compute zones list.`,
  400: () => 'Correct what the message names, under gce of the host in the profile.',
};

/** Of an operation, which has no status. */
const ofOperation = (reason: string): ((asked: Asked) => string) =>
  /permission|forbidden/i.test(reason) ? permission : lookAtIt;

const lookAtIt = ({ instance, zone, project }: Asked): string =>
  `See what came of it (gcloud compute operations list --filter targetLink:${instance} --zones ${zone} --project ${project}), and run the same command again.`;

const regionOf = (zone: string): string => zone.replace(/-[a-z]$/, '');

const remedyIn = (text: string) => remedies.find(([pattern]) => pattern.test(text))?.[1];

/** The API's own words, and the way out. */
export function refused(what: string, asked: Asked, { status, reason, message }: Refusal): Fail {
  const known = remedyIn(reason) ?? remedyIn(message);
  const remedy = known ?? (status === undefined ? ofOperation(reason) : ofStatus[status]);
  const words = `${asked.host}: ${what}: ${message.replace(/\.$/, '')} (${reason})`;
  return new Fail(status === 401 ? 'AuthenticationFailed' : 'CloudRefused', words, {
    ...(remedy === undefined ? {} : { hint: remedy(asked) }),
    context: {
      reason,
      ...(status === undefined ? {} : { status }),
      project: asked.project,
      zone: asked.zone,
    },
  });
}
