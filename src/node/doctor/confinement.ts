import { type Cause, inDepth } from './cause.ts';

export const denials: Cause = {
  code: 'BD004',
  name: 'access-denied',
  why: 'SELinux or AppArmor keeps the runtime from what it must do; what fails then seldom says so.',
  find: inDepth(({ denials: messages }, { facts: { releases } }) => {
    const ours = messages.filter(
      (message) =>
        /\b(comm|exe|profile)="?[^" ]*(berth|crun|runc|containers-default|crio)/.test(message) ||
        message.includes('container_runtime_t') ||
        message.includes(`${releases.root}/`),
    );
    if (ours.length === 0) return [];
    const isSelinux = ours.some((message) => message.includes('avc:'));
    return [
      {
        level: 'error',
        evidence: `${ours.length} refused since the boot; the last: ${(ours.at(-1) ?? '').trim()}`,
        remedy: isSelinux
          ? 'Run berth apply, which labels its files; what stays, explain by: ausearch -m avc -ts boot | audit2why'
          : 'Look at the profile that the message names: apparmor_parser -r loads a corrected one.',
      },
    ];
  }),
};

export const noParser: Cause = {
  code: 'BD032',
  name: 'apparmor-without-parser',
  why: 'The kernel confines by AppArmor, and nothing can load a profile: pods that ask for one do not start.',
  beforeChanges: true,
  find: ({ facts }) => {
    const { enabled, parser } = facts.health.apparmor;
    if (!enabled || parser) return [];
    return [
      {
        level: 'warning',
        evidence: '/sys/module/apparmor/parameters/enabled is Y, and there is no apparmor_parser',
        remedy: 'Install the package apparmor, or name it in spec.packages.extra.',
      },
    ];
  },
};
