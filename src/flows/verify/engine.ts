import type { EngineSpec } from '../../profile/profile.ts';

/** What the verification has to know of an engine: the names of its services, as systemctl takes them. */
export interface Engine {
  /** Serves the socket. */
  readonly daemon: 'berthd' | 'crio';
  readonly units: readonly string[];
  /** What it calls itself to crictl. */
  readonly runtimeName: string;
}

const engines: Readonly<Record<EngineSpec['name'], Engine>> = {
  berth: { daemon: 'berthd', units: ['berthd', 'berth-shim'], runtimeName: 'berth' },
  'cri-o': { daemon: 'crio', units: ['crio'], runtimeName: 'cri-o' },
};

export const engineOf = ({ engine }: { readonly engine: Pick<EngineSpec, 'name'> }): Engine =>
  engines[engine.name];

/** Remedies name the services of berth; where CRI-O is the engine, its one service does what these do. */
export const forEngine = (text: string, spec: { readonly engine: Pick<EngineSpec, 'name'> }): string =>
  spec.engine.name === 'berth'
    ? text
    : text
        .replaceAll('-u berthd -u berth-shim', '-u crio')
        .replaceAll(/-u (?:berthd|berth-shim)\b/g, '-u crio')
        .replaceAll(/\b(?:berthd|berth-shim)\b(?!\.service)/g, 'crio');
