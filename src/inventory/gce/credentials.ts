import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { commandOutput } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { readIfThere } from '../../core/read-if-there.ts';
import {
  answer,
  defaultTokenUri,
  exchangeToken,
  impersonate,
  requestToken,
  type Token,
  tokenForServiceAccount,
  tokenIn,
} from './tokens.ts';

/** Answers an access token; asked again, the same one while it is good. */
export type TokenOf = () => Promise<string>;

/** A token that ends within a minute may end before the request that bears it is looked at. */
const marginMs = 60_000;

/**
 * Application-default credentials, in the order of Google's own libraries: GOOGLE_APPLICATION_CREDENTIALS, the file of
 * `gcloud auth application-default login`, the metadata server of the machine; and last the account of gcloud itself.
 */
export function applicationDefault(signal: AbortSignal): TokenOf {
  let current: Promise<Token> | undefined;
  let until = 0;
  return async () => {
    if (current === undefined || Date.now() > until - marginMs) {
      current = newToken(signal);
      current.catch(() => {
        current = undefined;
      });
      until = (await current).expiresAt;
    }
    return (await current).value;
  };
}

async function newToken(signal: AbortSignal): Promise<Token> {
  const named = process.env['GOOGLE_APPLICATION_CREDENTIALS'];
  if (named !== undefined && named !== '') {
    const text = await readFile(named, 'utf8').catch((cause: unknown) => {
      throw new Fail(
        'AuthenticationFailed',
        `GOOGLE_APPLICATION_CREDENTIALS names ${named}, which cannot be read`,
        {
          hint: 'Correct the variable, or unset it to use gcloud auth application-default login.',
          cause,
        },
      );
    });
    return await tokenFor(text, named, signal);
  }
  const usual = join(gcloudFolder(), 'application_default_credentials.json');
  const text = await readIfThere(usual);
  if (text !== undefined) return await tokenFor(text.toString('utf8'), usual, signal);
  return (await ofMachine(signal)) ?? (await ofGcloud(signal));
}

const gcloudFolder = (): string => process.env['CLOUDSDK_CONFIG'] ?? join(homedir(), '.config', 'gcloud');

const serviceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string(),
  private_key: z.string(),
  private_key_id: z.string(),
  token_uri: z.url().default(defaultTokenUri),
});

const authorizedUser = z.object({
  type: z.literal('authorized_user'),
  client_id: z.string(),
  client_secret: z.string(),
  refresh_token: z.string(),
  token_uri: z.url().default(defaultTokenUri),
});

const subjectFormat = z
  .object({ type: z.enum(['text', 'json']), subject_token_field_name: z.string().optional() })
  .default({ type: 'text' });

const externalAccount = z.object({
  type: z.literal('external_account'),
  audience: z.string(),
  subject_token_type: z.string(),
  token_url: z.url(),
  service_account_impersonation_url: z.url().optional(),
  credential_source: z.object({
    file: z.string().optional(),
    url: z.url().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    format: subjectFormat,
  }),
});

const credentials = z.discriminatedUnion('type', [serviceAccount, authorizedUser, externalAccount]);

async function tokenFor(text: string, file: string, signal: AbortSignal): Promise<Token> {
  const form = credentials.safeParse(jsonIn(text));
  if (!form.success) {
    const why = form.error.issues[0];
    throw new Fail(
      'AuthenticationFailed',
      `${file} is no file of credentials that berth knows: ${why?.path.join('.')}: ${why?.message}`,
      {
        hint: 'It must be the key of a service account, the file of gcloud auth application-default login, or one of workload identity federation with a file or url as its source.',
      },
    );
  }
  const { data } = form;
  switch (data.type) {
    case 'service_account':
      return await tokenForServiceAccount(
        {
          email: data.client_email,
          privateKey: data.private_key,
          keyId: data.private_key_id,
          tokenUri: data.token_uri,
        },
        signal,
      );
    case 'authorized_user':
      return await requestToken(
        data.token_uri,
        {
          grant_type: 'refresh_token',
          client_id: data.client_id,
          client_secret: data.client_secret,
          refresh_token: data.refresh_token,
        },
        'the account of gcloud auth application-default login',
        signal,
      );
    case 'external_account':
      return await federated(data, file, signal);
  }
}

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Workload identity federation: what a pipeline's own identity is worth at Google. */
async function federated(
  form: z.output<typeof externalAccount>,
  file: string,
  signal: AbortSignal,
): Promise<Token> {
  const token = await exchangeToken(
    {
      tokenUri: form.token_url,
      audience: form.audience,
      subjectTokenType: form.subject_token_type,
      subjectToken: await subjectToken(form.credential_source, file, signal),
    },
    signal,
  );
  const url = form.service_account_impersonation_url;
  return url === undefined ? token : await impersonate(url, token, signal);
}

async function subjectToken(
  { file, url, headers, format }: z.output<typeof externalAccount>['credential_source'],
  named: string,
  signal: AbortSignal,
): Promise<string> {
  const text =
    file === undefined
      ? url === undefined
        ? undefined
        : await answer(url, { headers: headers ?? {} }, named, signal)
      : await readFile(file, 'utf8').catch(noSubject(named));
  const field = format.subject_token_field_name;
  const token = format.type === 'json' && text !== undefined ? fieldOf(jsonIn(text), field) : text?.trim();
  if (token !== undefined && token !== '') return token;
  return noSubject(named)(undefined);
}

const fieldOf = (form: unknown, field: string | undefined): string | undefined => {
  const found = z.record(z.string(), z.unknown()).safeParse(form);
  const value = found.success && field !== undefined ? found.data[field] : undefined;
  return typeof value === 'string' ? value : undefined;
};

const noSubject =
  (file: string) =>
  (cause: unknown): never => {
    throw new Fail('AuthenticationFailed', `the source that ${file} names has no token of this workload`, {
      hint: 'It must name a file or an url that the pipeline gives its identity by; programs as sources are not run.',
      cause,
    });
  };

const metadataDeadlineMs = 3000;

/** The service account of the machine that berth runs on; undefined: it is none of Google's. */
async function ofMachine(signal: AbortSignal): Promise<Token | undefined> {
  const host = process.env['GCE_METADATA_HOST'] ?? 'metadata.google.internal';
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(metadataDeadlineMs)]);
  try {
    const text = await answer(
      url,
      { headers: { 'metadata-flavor': 'Google' } },
      'the service account of this machine',
      deadline,
    );
    return tokenIn(text, 'the service account of this machine');
  } catch (error) {
    signal.throwIfAborted();
    // Nobody there: not one of Google's machines. A refusal means that the machine has no account.
    if (error instanceof Fail && error.code === 'AuthenticationFailed') return undefined;
    if (error instanceof Fail && error.code === 'Unreachable') return undefined;
    if (deadline.aborted) return undefined;
    throw error;
  }
}

const gcloudDeadlineSeconds = 60;
/** gcloud says no word about the end of its tokens; they are good for an hour when they are new. */
const gcloudTokenMs = 5 * 60_000;

async function ofGcloud(signal: AbortSignal): Promise<Token> {
  const argv = ['gcloud', 'auth', 'print-access-token', '--quiet'];
  const value = await commandOutput(argv, { signal, deadlineSeconds: gcloudDeadlineSeconds }).catch(
    (cause: unknown) => {
      throw new Fail('AuthenticationFailed', 'there are no credentials for Google Cloud on this machine', {
        hint: 'Log in with gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the key of a service account.',
        cause,
      });
    },
  );
  return { value: value.trim(), expiresAt: Date.now() + gcloudTokenMs };
}
