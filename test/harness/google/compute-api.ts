import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Answer,
  type Behind,
  consoleOf,
  type FakeInstance,
  failed,
  metadataIn,
  ok,
  wrongIn,
} from './forms.ts';
import { Tokens } from './tokens.ts';

/*
 * The calls of the Compute Engine API v1 that berth and gcloud make, over HTTP, with Google's forms of answers and errors.
 * A stand-in for Google alone: whatever it was not told is an error, and is kept in `refusals`.
 */

interface Operation {
  readonly name: string;
  readonly operationType: string;
  done: boolean;
  error: { code: string; message: string } | undefined;
}

export interface ComputeApiOptions {
  readonly project: string;
  readonly zone: string;
  /** Family → image, of debian-cloud. */
  readonly families: Readonly<Record<string, string>>;
  /** The public key of the service account that may ask for tokens. */
  readonly publicKey: string;
  /** Boots what an instance is. `metadata`: as it was given. */
  readonly boot: (name: string, metadata: ReadonlyMap<string, string>) => Promise<Behind>;
}

export class ComputeApi implements AsyncDisposable {
  readonly instances = new Map<string, FakeInstance>();
  /** Every request, as `GET projects/…`. */
  readonly calls: string[] = [];
  /** Operations that were begun without a number, which an answer that is lost would begin twice. */
  withoutRequestId = 0;
  /** What it was not told. */
  readonly refusals: string[] = [];
  /** Answers that requests get before anything else, by a part of their line; each once. */
  readonly faults = new Map<string, Answer>();
  /** How the operation of the next insert ends. */
  nextOperationError: { code: string; message: string } | undefined;
  readonly #options: ComputeApiOptions;
  readonly #operations = new Map<string, Operation>();
  readonly #requests = new Map<string, Operation>();
  readonly #tokens: Tokens;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  constructor(options: ComputeApiOptions) {
    this.#options = options;
    this.#tokens = new Tokens(options.publicKey);
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get tokenUri(): string {
    return `${this.origin}/token`;
  }

  refuse(line: string, status: number, reason: string, message: string): void {
    this.faults.set(line, failed(status, reason, message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
    for (const { behind } of this.instances.values()) await behind?.remove();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    let answer: Answer;
    try {
      answer = await this.#answer(request, url, text);
    } catch (error) {
      answer = failed(500, 'backendError', String(error));
      this.refusals.push(String(error));
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  }

  async #answer(request: IncomingMessage, url: URL, text: string): Promise<Answer> {
    const { method = 'GET' } = request;
    const given = this.#tokens.answer(request, url.pathname, text, this.origin);
    if (given !== undefined) return given;
    const path = decodeURIComponent(url.pathname).replace('/compute/v1/', '');
    const line = `${method} ${path}`;
    this.calls.push(line);
    if (!this.#tokens.allow(request))
      return failed(401, 'authError', 'Request had invalid authentication credentials.');
    for (const [part, fault] of this.faults) {
      if (!line.includes(part)) continue;
      this.faults.delete(part);
      return fault;
    }
    return (await this.#route(line, url, text)) ?? this.#unknown(line);
  }

  #unknown(line: string): Answer {
    this.refusals.push(line);
    return failed(404, 'notFound', `the stand-in for the compute API was not told what to do with ${line}`);
  }

  async #route(line: string, url: URL, text: string): Promise<Answer | undefined> {
    const { project, zone, families } = this.#options;
    const family = /^GET projects\/debian-cloud\/global\/images\/family\/([a-z0-9-]+)$/.exec(line)?.[1];
    if (family !== undefined) {
      const image = families[family];
      return image === undefined
        ? failed(
            404,
            'notFound',
            `The resource 'projects/debian-cloud/global/images/family/${family}' was not found`,
          )
        : ok({ name: image, family, selfLink: this.#image(image) });
    }
    const inZone = `projects/${project}/zones/${zone}/`;
    const [verb = '', path = ''] = line.split(' ');
    if (!path.startsWith(inZone)) return undefined;
    const [kind, name, action] = path.slice(inZone.length).split('/');
    if (kind === 'operations' && name !== undefined && action === 'wait' && verb === 'POST')
      return this.#wait(name);
    if (kind !== 'instances') return undefined;
    if (name === undefined) return verb === 'POST' ? this.#insert(url, JSON.parse(text)) : undefined;
    const instance = this.instances.get(name);
    if (instance === undefined)
      return failed(
        404,
        'notFound',
        `The resource 'projects/${project}/zones/${zone}/instances/${name}' was not found`,
      );
    switch (`${verb} ${action ?? ''}`) {
      case 'GET ':
        return ok(this.#shown(name, instance));
      case 'GET getGuestAttributes':
        return this.#guestAttributes(url, instance);
      case 'GET serialPort':
        return ok({ contents: consoleOf(instance), next: '0' });
      case 'POST start':
        return this.#operation(url, 'start', async () => {
          instance.status = 'RUNNING';
        });
      case 'DELETE ':
        return this.#operation(url, 'delete', async () => {
          await instance.behind?.remove();
          this.instances.delete(name);
        });
      default:
        return undefined;
    }
  }

  #image = (name: string): string =>
    `https://www.googleapis.com/compute/v1/projects/debian-cloud/global/images/${name}`;

  #insert(url: URL, body: Record<string, unknown>): Answer {
    const wrong = wrongIn(body, Object.values(this.#options.families).map(this.#image));
    if (wrong !== undefined) return failed(400, 'invalid', wrong);
    const name = String(body['name']);
    const { project, zone } = this.#options;
    if (this.instances.has(name) && !this.#requests.has(url.searchParams.get('requestId') ?? ''))
      return failed(
        409,
        'alreadyExists',
        `The resource 'projects/${project}/zones/${zone}/instances/${name}' already exists`,
      );
    return this.#operation(url, 'insert', async (operation) => {
      const error = this.nextOperationError;
      this.nextOperationError = undefined;
      if (error !== undefined) {
        operation.error = error;
        return;
      }
      const behind = await this.#options.boot(name, metadataIn(body));
      this.put(name, body, behind);
    });
  }

  /** An instance that is there, whoever made it. */
  put(name: string, body: Record<string, unknown>, behind: Behind | undefined): FakeInstance {
    const id = String(10n ** 18n + BigInt(`0x${randomBytes(6).toString('hex')}`));
    const instance: FakeInstance = { id, body, behind, status: 'RUNNING', keysIn: 'guest attributes' };
    this.instances.set(name, instance);
    return instance;
  }

  /** Asked for twice with the same number it is done once; it ends by itself, and `wait` tells when. */
  #operation(url: URL, operationType: string, work: (operation: Operation) => Promise<void>): Answer {
    const requestId = url.searchParams.get('requestId') ?? `without-${randomBytes(6).toString('hex')}`;
    if (!/^([0-9a-f-]{36}|without-.*)$/.test(requestId))
      return failed(400, 'invalid', 'requestId is no UUID');
    if (requestId.startsWith('without')) this.withoutRequestId += 1;
    const known = this.#requests.get(requestId);
    if (known !== undefined) return ok(this.#told(known, known.done ? 'DONE' : 'RUNNING'));
    const operation: Operation = {
      name: `operation-${randomBytes(6).toString('hex')}`,
      operationType,
      done: false,
      error: undefined,
    };
    this.#requests.set(requestId, operation);
    this.#operations.set(operation.name, operation);
    work(operation)
      .catch((error: unknown) => {
        operation.error = { code: 'INTERNAL_ERROR', message: String(error) };
      })
      .finally(() => {
        operation.done = true;
      });
    return ok(this.#told(operation, 'PENDING'));
  }

  #told({ name, operationType }: Operation, status: string) {
    const zone = `${this.origin}/compute/v1/projects/${this.#options.project}/zones/${this.#options.zone}`;
    const links = { zone, selfLink: `${zone}/operations/${name}`, targetLink: `${zone}/instances/node-1` };
    return { kind: 'compute#operation', name, operationType, status, ...links };
  }

  async #wait(name: string): Promise<Answer> {
    const operation = this.#operations.get(name);
    if (operation === undefined) return failed(404, 'notFound', `The resource '${name}' was not found`);
    for (let tries = 0; tries < 10 && !operation.done; tries += 1)
      await new Promise((done) => setTimeout(done, 100));
    if (!operation.done) return ok(this.#told(operation, 'RUNNING'));
    const { error } = operation;
    return ok({
      ...this.#told(operation, 'DONE'),
      ...(error === undefined ? {} : { error: { errors: [error] } }),
    });
  }

  #shown(name: string, { id, body, status, behind }: FakeInstance): unknown {
    const accessConfigs = [
      { name: 'External NAT', ...(behind === undefined ? {} : { natIP: behind.address }) },
    ];
    return {
      ...body,
      name,
      id,
      status,
      networkInterfaces: [{ networkIP: behind?.address ?? '10.0.0.2', accessConfigs }],
    };
  }

  #guestAttributes(url: URL, { behind, keysIn }: FakeInstance): Answer {
    if (url.searchParams.get('queryPath') !== 'hostkeys/') return failed(400, 'invalid', 'unknown queryPath');
    if (keysIn !== 'guest attributes') return failed(404, 'notFound', 'No guest attributes were found');
    const items = (behind?.hostKeys ?? []).map((line) => {
      const [key, value] = line.split(' ');
      return { namespace: 'hostkeys', key, value };
    });
    return ok({ queryPath: 'hostkeys/', queryValue: { items } });
  }
}
