import type { ProbeRequest } from '../../../../src/host/facts/probe.ts';

/** A probe that asks for nothing in particular; no release is where it looks. */
export const nothingAsked: ProbeRequest = {
  packages: { apt: [], dnf: [] },
  files: [],
  folders: [],
  units: [],
  modules: [],
  sysctls: [],
  interfaces: [],
  disks: [],
  releases: ['/nonexistent/releases'],
};
