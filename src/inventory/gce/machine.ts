import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fail } from '../../core/fail.ts';
import { readIfThere } from '../../core/read-if-there.ts';
import { withPort } from '../../core/text.ts';
import type { GceInstance, SshEntry } from '../../profile/profile.ts';
import { ComputeApi } from './api.ts';
import type { TokenOf } from './credentials.ts';
import { hostKeysOf } from './host-keys.ts';
import { findInstance, type Instance, insertBody, isOurs, pathOf } from './instance.ts';
import { hasLoginKey, identityFile, keepKnownHosts, knownHostsFile, publicKeyFor } from './login-key.ts';

/** Making a disk from an image and starting a machine takes a minute, and more where images are large. */
const operationDeadlineMs = 10 * 60_000;
/** From the start of a machine until its guest agent runs. */
const bootDeadlineMs = 5 * 60_000;
const settleDeadlineMs = 3 * 60_000;

const pauseMs = 2000;

/** What an apply would have to do before there is a machine to look at. */
export type Lack = 'absent' | 'stopped';

/** One instance of Compute Engine, as the profile names it. */
export class GceMachine {
  readonly #host: string;
  readonly #entry: GceInstance;
  readonly #api: ComputeApi;
  readonly #signal: AbortSignal;

  constructor(host: string, entry: GceInstance, tokenOf: TokenOf, signal: AbortSignal) {
    const { project, zone, instance } = entry;
    this.#host = host;
    this.#entry = entry;
    this.#api = new ComputeApi({ host, project, zone, instance }, tokenOf, signal);
    this.#signal = signal;
  }

  /** What it lacks; undefined: it runs, or is about to. */
  async lack(): Promise<Lack | undefined> {
    const found = await findInstance(this.#api, this.#entry);
    if (found === undefined) return 'absent';
    return isStopped(found) ? 'stopped' : undefined;
  }

  /** Makes or starts the instance, and waits until it takes connections. */
  async bringUp(onNote: (message: string) => void): Promise<void> {
    const found = await findInstance(this.#api, this.#entry);
    if (found === undefined) await this.#create(onNote);
    else if (isStopped(found)) await this.#start(found);
    const running = await this.#settled();
    const { host, port } = await this.#wayTo(running);
    onNote(`waiting until ${this.#entry.instance} takes connections at ${host}`);
    await this.#knownHosts(running, bootDeadlineMs);
    // Behind a jump host only SSH itself can tell.
    if ((this.#entry.jump ?? []).length === 0) await this.#untilOpen(host, port);
  }

  /** How it is reached. @throws Fail `Unreachable` when it does not run */
  async reach(): Promise<SshEntry> {
    const found = await findInstance(this.#api, this.#entry);
    if (found === undefined) throw this.#isNotThere();
    if (isStopped(found)) throw this.#isStopped(found);
    const running = await this.#settled();
    return await this.#wayTo(running);
  }

  /**
   * Whether there is an instance to delete.
   * @throws Fail `BadUsage` when it is somebody else's
   */
  async mayBeRemoved(): Promise<boolean> {
    return (await this.#own()) !== undefined;
  }

  async #own(): Promise<Instance | undefined> {
    const found = await findInstance(this.#api, this.#entry);
    if (found !== undefined && !isOurs(found, this.#host)) throw this.#notOurs();
    return found;
  }

  /** Deletes the instance, when berth made it for this host. Answers false when there is none. */
  async remove(): Promise<boolean> {
    const { instance } = this.#entry;
    // Looked at again: time has passed since somebody was asked.
    const found = await this.#own();
    if (found === undefined) return false;
    const what = `deleting the instance ${instance}`;
    await this.#api.operate({ method: 'DELETE', path: pathOf(this.#entry), what }, operationDeadlineMs);
    await rm(knownHostsFile(this.#entry, found.id), { force: true });
    return true;
  }

  async #create(onNote: (message: string) => void): Promise<void> {
    const { instance, image, project, zone } = this.#entry;
    const source = await this.#image();
    const publicKey = this.#entry.osLogin ? undefined : await publicKeyFor(this.#host, this.#entry);
    onNote(`making the instance ${instance} from ${image.kind} ${image.name}`);
    const body = insertBody(this.#host, this.#entry, { image: source, publicKey });
    const path = `${project}/zones/${zone}/instances`;
    const what = `making the instance ${instance}`;
    await this.#api.operate({ method: 'POST', path, body, what }, operationDeadlineMs);
  }

  /** The address of the image that the entry means now: a family has a newest one. */
  async #image(): Promise<string> {
    const { kind, name, project } = this.#entry.image;
    const path = `${project}/global/images/${kind === 'family' ? 'family/' : ''}${name}`;
    const found = await this.#api.get(
      path,
      z.object({ selfLink: z.string() }),
      `looking for the image ${name}`,
    );
    if (found !== undefined) return found.selfLink;
    throw new Fail(
      'CloudRefused',
      `${this.#host}: ${project} has no image${kind === 'family' ? ' family' : ''} ${name}`,
      {
        hint: `See which there are: gcloud compute images list --project ${project} --no-standard-images; then correct gce.imageFamily, gce.image or gce.imageProject.`,
      },
    );
  }

  async #start({ status }: Instance): Promise<void> {
    const { instance } = this.#entry;
    const verb = status === 'SUSPENDED' ? 'resume' : 'start';
    const what = `starting the instance ${instance}`;
    await this.#api.operate(
      { method: 'POST', path: `${pathOf(this.#entry)}/${verb}`, what },
      operationDeadlineMs,
    );
  }

  /** One that is being made or started runs soon. */
  async #settled(): Promise<Instance> {
    const until = Date.now() + settleDeadlineMs;
    for (;;) {
      const found = await findInstance(this.#api, this.#entry);
      if (found === undefined) throw this.#isNotThere();
      if (found.status === 'RUNNING') return found;
      // A Spot instance may go again as soon as it came.
      if (isStopped(found)) throw this.#isStopped(found);
      if (Date.now() > until)
        throw new Fail(
          'DeadlineExceeded',
          `${this.#host}: ${this.#entry.instance} is still ${found.status}`,
          {
            hint: 'Run the same command again when it runs.',
          },
        );
      await sleep(pauseMs, undefined, { signal: this.#signal });
    }
  }

  async #wayTo(found: Instance): Promise<SshEntry> {
    const { user, jump = [], network } = this.#entry;
    const viaInside = !network.externalAddress || jump.length > 0;
    const host = viaInside ? found.internalAddress : found.externalAddress;
    if (host === undefined) throw this.#noAddress(viaInside);
    if (!(await hasLoginKey(this.#entry))) throw this.#noKey();
    const file = await this.#knownHosts(found, bootDeadlineMs);
    return {
      host,
      port: 22,
      user,
      identityFiles: [identityFile(this.#entry)],
      password: undefined,
      knownHostsFiles: [file],
      hostKeyAlias: aliasOf(found),
      jump,
      useConfig: false,
    };
  }

  /** The file with the host keys of exactly this instance: read from Google once, and then expected to stay. */
  async #knownHosts(found: Instance, deadlineMs: number): Promise<string> {
    const file = knownHostsFile(this.#entry, found.id);
    if ((await readIfThere(file)) !== undefined) return file;
    const keys = await hostKeysOf(this.#api, this.#entry, { signal: this.#signal, deadlineMs });
    await keepKnownHosts(file, aliasOf(found), keys);
    return file;
  }

  async #untilOpen(host: string, port = 22): Promise<void> {
    const until = Date.now() + bootDeadlineMs;
    while (!(await isOpen(host, port))) {
      if (Date.now() > until)
        throw new Fail(
          'Unreachable',
          `${this.#host}: ${withPort(host, port)} takes no connections ${bootDeadlineMs / 60_000} minutes after the start`,
          {
            hint:
              `Let a firewall rule of the network pass TCP ${port} from here (gcloud compute firewall-rules list), ` +
              'or set gce.network.externalAddress to false and gce.jump to a way inside.',
            context: { host, port },
          },
        );
      await sleep(pauseMs, undefined, { signal: this.#signal });
    }
  }

  #isNotThere(): Fail {
    const { instance, project, zone } = this.#entry;
    return new Fail(
      'Unreachable',
      `${this.#host}: there is no instance ${instance} in ${zone} of ${project}`,
      {
        hint: 'berth apply makes it, and so does berth hosts create.',
      },
    );
  }

  #isStopped({ status, spot }: Instance): Fail {
    const why = spot ? ': it is a Spot instance, which Google stops when it needs the room' : '';
    return new Fail('Unreachable', `${this.#host}: the instance ${this.#entry.instance} is ${status}${why}`, {
      hint: 'berth apply starts it, and so does berth hosts create.',
      context: { status },
    });
  }

  #noAddress(inside: boolean): Fail {
    const hint = inside
      ? 'Look at its network interfaces: gcloud compute instances describe'
      : 'Set gce.network.externalAddress to false, and reach it from inside its network or by gce.jump.';
    const which = inside ? 'in its network' : 'on the internet';
    return new Fail('Unreachable', `${this.#host}: ${this.#entry.instance} has no address ${which}`, {
      hint,
    });
  }

  /** A key of berth's own is made with the instance, and stays where that was done. */
  #noKey(): Fail {
    const { instance, user } = this.#entry;
    return new Fail(
      'AuthenticationFailed',
      `${this.#host}: the instance ${instance} is there, and no key on this machine lets in ${user}: it was made elsewhere, or not by berth`,
      {
        hint:
          `Name a key that ${instance} lets in, and its user, in gce.identityFile and gce.user; ` +
          `where berth made the instance on another machine, its key is there: ${identityFile(this.#entry)}`,
      },
    );
  }

  #notOurs(): Fail {
    const { instance, zone, project } = this.#entry;
    return new Fail(
      'BadUsage',
      `${this.#host}: the instance ${instance} was not made by berth for this host: it lacks the labels created-by=berth and berth-host`,
      {
        hint: `berth deletes nothing of others. If it is to go: gcloud compute instances delete ${instance} --zone ${zone} --project ${project}`,
      },
    );
  }
}

const aliasOf = ({ id }: Instance): string => `compute.${id}`;

const isStopped = ({ status }: Instance): boolean => status === 'TERMINATED' || status === 'SUSPENDED';

const portDeadlineMs = 5000;

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: portDeadlineMs });
    const end = (open: boolean): void => {
      socket.destroy();
      done(open);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
