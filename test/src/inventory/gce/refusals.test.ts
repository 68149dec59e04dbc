import assert from 'node:assert/strict';
import test from 'node:test';
import { type Refusal, refused } from '../../../../src/inventory/gce/refusals.ts';

const asked = { host: 'node-1', project: 'my-project', zone: 'europe-west1-b', instance: 'i-1' };

/** What Google says, in its own words, and what must be in the way out. */
const cases: readonly (readonly [name: string, refusal: Refusal, remedy: RegExp])[] = [
  [
    'a quota of the project',
    {
      status: 403,
      reason: 'quotaExceeded',
      message: "Quota 'CPUS' exceeded. Limit: 8.0 in region europe-west1.",
    },
    /regions describe europe-west1 .*iam-admin\/quotas\?project=my-project/,
  ],
  [
    'a quota, told by the operation',
    { reason: 'QUOTA_EXCEEDED', message: "Quota 'PREEMPTIBLE_CPUS' exceeded." },
    /regions describe europe-west1/,
  ],
  [
    'too many requests in a minute, which is no quota of the project',
    {
      status: 403,
      reason: 'rateLimitExceeded',
      message:
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'compute.googleapis.com'.",
    },
    /--parallel 5/,
  ],
  [
    'too many requests, by the newer name',
    {
      status: 429,
      reason: 'RATE_LIMIT_EXCEEDED',
      message: "Quota exceeded for quota metric 'Read requests'.",
    },
    /--parallel 5/,
  ],
  [
    'no room in the zone',
    {
      reason: 'ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS',
      message: "The zone 'projects/p/zones/europe-west1-b' does not have enough resources available.",
    },
    /europe-west1-b has no such machine free now: take another zone or machineType/,
  ],
  [
    'a permission',
    { status: 403, reason: 'forbidden', message: "Required 'compute.instances.create' permission for 'i-1'" },
    /roles\/compute\.instanceAdmin\.v1 in my-project/,
  ],
  [
    'a permission, told by the operation',
    { reason: 'PERMISSIONS_ERROR', message: "Required 'compute.subnetworks.use' permission" },
    /roles\/compute\.instanceAdmin\.v1 in my-project/,
  ],
  [
    'a token of too narrow a scope, which no role helps',
    {
      status: 403,
      reason: 'insufficientPermissions',
      message: 'Request had insufficient authentication scopes.',
    },
    /scope cloud-platform/,
  ],
  [
    'a project without billing',
    { status: 403, reason: 'forbidden', message: 'This API method requires billing to be enabled.' },
    /billing\/linkedaccount\?project=my-project/,
  ],
  [
    'the API is off',
    {
      status: 403,
      reason: 'accessNotConfigured',
      message: 'Compute Engine API has not been used in project 1.',
    },
    /gcloud services enable compute\.googleapis\.com --project my-project/,
  ],
  [
    'the service account of the instance',
    {
      reason: 'SERVICE_ACCOUNT_ACCESS_DENIED',
      message: 'The user does not have access to service account x',
    },
    /gce\.serviceAccount.*iam\.serviceAccountUser/,
  ],
  [
    'a name that is taken',
    { status: 409, reason: 'alreadyExists', message: "The resource 'projects/p/i-1' already exists" },
    /Somebody made i-1 in europe-west1-b meanwhile/,
  ],
  [
    'a policy of the organization',
    {
      status: 412,
      reason: 'conditionNotMet',
      message: 'Constraint constraints/compute.vmExternalIpAccess violated',
    },
    /policy of the organization/,
  ],
  [
    'an end that has no remedy of its own',
    { reason: 'INTERNAL_ERROR', message: 'Internal error.' },
    /operations list --filter targetLink:i-1 --zones europe-west1-b --project my-project/,
  ],
];

for (const [name, refusal, remedy] of cases)
  test(`the way out is told: ${name}`, () => {
    const fail = refused('making the instance i-1', asked, refusal);
    assert.match(fail.hint ?? '', remedy);
    assert.ok(fail.message.startsWith('node-1: making the instance i-1: '), fail.message);
    assert.ok(fail.message.endsWith(`(${refusal.reason})`), fail.message);
  });
