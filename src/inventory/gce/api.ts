import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { networkFailure, send } from '../../artifacts/http.ts';
import { Fail } from '../../core/fail.ts';
import type { TokenOf } from './credentials.ts';
import { type Asked, type Refusal, rateLimit, refused } from './refusals.ts';

/** Compute Engine API v1, or what gcloud is pointed at by the same variable. */
const endpoint = (): string =>
  (
    process.env['CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE'] ?? 'https://compute.googleapis.com/compute/v1/'
  ).replace(/\/*$/, '/');

const requestDeadlineMs = 30_000;
/** The server itself answers `wait` after two minutes, done or not. */
const waitRequestDeadlineMs = 150_000;

/** Pauses before the attempts after the first, for answers that pass by themselves. */
const pausesMs = [500, 2000, 5000, 10_000];
const passing = new Set([429, 500, 502, 503, 504]);

const errorForm = z.object({
  error: z.object({
    message: z.string().default(''),
    status: z.string().optional(),
    errors: z.array(z.object({ reason: z.string().optional() })).optional(),
  }),
});

const operationForm = z.object({
  name: z.string(),
  status: z.enum(['PENDING', 'RUNNING', 'DONE']),
  error: z
    .object({ errors: z.array(z.object({ code: z.string(), message: z.string().default('') })).min(1) })
    .optional(),
});

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `projects/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** What is done, for messages: `making the instance`. */
  readonly what: string;
  readonly deadlineMs?: number;
}

/** The compute API, for one instance of the profile: errors name its host, and say what to do. */
export class ComputeApi {
  readonly asked: Asked;
  readonly #tokenOf: TokenOf;
  readonly #signal: AbortSignal;

  constructor(asked: Asked, tokenOf: TokenOf, signal: AbortSignal) {
    this.asked = asked;
    this.#tokenOf = tokenOf;
    this.#signal = signal;
  }

  /** Undefined: the API has no such thing. */
  async get<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    what: string,
    query: Readonly<Record<string, string>> = {},
  ): Promise<z.output<Schema> | undefined> {
    const text = await this.#send({ method: 'GET', path, query, what });
    return text === undefined ? undefined : this.#parsed(text, schema, what);
  }

  /**
   * Does something and waits for the end of the operation that it begins. Asked twice with the same number, the API does it
   * once: an answer that was lost is asked for again.
   */
  async operate(call: Pick<Call, 'method' | 'path' | 'body' | 'what'>, deadlineMs: number): Promise<void> {
    const text = await this.#send({ ...call, query: { requestId: randomUUID() } });
    if (text === undefined)
      throw this.#refusal(call.what, { status: 404, reason: 'notFound', message: 'it is not there' });
    const until = Date.now() + deadlineMs;
    let operation = this.#parsed(text, operationForm, call.what);
    while (operation.status !== 'DONE') {
      if (Date.now() > until) throw this.#late(call.what, operation.name, deadlineMs);
      operation = await this.#waited(operation.name, call.what);
    }
    const [error] = operation.error?.errors ?? [];
    if (error !== undefined)
      throw this.#refusal(call.what, { reason: error.code, message: error.message || error.code });
  }

  async #waited(name: string, what: string): Promise<z.output<typeof operationForm>> {
    const { project, zone } = this.asked;
    const text = await this.#send({
      method: 'POST',
      path: `${project}/zones/${zone}/operations/${name}/wait`,
      what,
      deadlineMs: waitRequestDeadlineMs,
    });
    if (text === undefined)
      throw this.#refusal(what, { status: 404, reason: 'notFound', message: `operation ${name} is gone` });
    const operation = this.#parsed(text, operationForm, what);
    // A server that answers at once although nothing is done must not be asked without a pause.
    if (operation.status !== 'DONE') await sleep(1000, undefined, { signal: this.#signal });
    return operation;
  }

  #parsed<Schema extends z.ZodType>(text: string, schema: Schema, what: string): z.output<Schema> {
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new Fail(
        'Internal',
        `${this.asked.host}: ${what}: the answer of the compute API is not understood`,
        {
          context: { text: text.slice(0, 500) },
          cause,
        },
      );
    }
  }

  /** The text of the answer; undefined where a GET finds nothing. */
  async #send(call: Call): Promise<string | undefined> {
    for (let attempt = 0; ; attempt += 1) {
      const pause = pausesMs[attempt];
      try {
        const { status, text } = await this.#once(call);
        if (status < 300) return text;
        if (status === 404 && call.method === 'GET' && !isAboutParent(text)) return undefined;
        const refusal = { status, ...refusalIn(text) };
        const mayPass = passing.has(status) || rateLimit.test(refusal.reason);
        if (!mayPass || pause === undefined) throw this.#refusal(call.what, refusal);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (error instanceof Fail || pause === undefined) throw this.#unreachable(call.what, error);
      }
      await sleep(pause ?? 0, undefined, { signal: this.#signal });
    }
  }

  async #once({ method, path, query = {}, body, deadlineMs = requestDeadlineMs }: Call) {
    const url = new URL(`projects/${path}`, endpoint());
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const response = await send(url.href, {
      method,
      headers: {
        authorization: `Bearer ${await this.#tokenOf()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(deadlineMs)]),
    });
    return { status: response.status, text: await response.text() };
  }

  #refusal(what: string, refusal: Refusal): Fail {
    return refused(what, this.asked, refusal);
  }

  #unreachable(what: string, error: unknown): Fail {
    if (error instanceof Fail) return error;
    const { reason } = networkFailure(error);
    return new Fail(
      'Unreachable',
      `${this.asked.host}: ${what}: ${new URL(endpoint()).host} cannot be reached: ${reason}`,
      {
        hint: 'Check the network of this machine and its proxies (HTTPS_PROXY).',
        cause: error,
      },
    );
  }

  #late(what: string, operation: string, deadlineMs: number): Fail {
    const { host, project, zone } = this.asked;
    return new Fail(
      'DeadlineExceeded',
      `${host}: ${what} did not end within ${deadlineMs / 60_000} minutes`,
      {
        hint: `See how it goes: gcloud compute operations describe ${operation} --zone ${zone} --project ${project}; then run the same command again.`,
        context: { operation },
      },
    );
  }
}

/** A project or zone that is not there is no instance that is not there. */
const isAboutParent = (text: string): boolean =>
  /'projects\/[^/']+'|projects\/[^/']+\/zones\/[^/']+'/.test(refusalIn(text).message);

function refusalIn(text: string): Pick<Refusal, 'reason' | 'message'> {
  try {
    const { error } = errorForm.parse(JSON.parse(text));
    return { reason: error.errors?.[0]?.reason ?? error.status ?? 'unknown', message: error.message };
  } catch {
    return { reason: 'unknown', message: text.slice(0, 200) };
  }
}
