import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { loadConfig } from '../../../runtime/config/load.ts';
import { Fail } from '../../../runtime/core/fail.ts';

const POLICY = '{"default":[{"type":"insecureAcceptAnything"}]}';

/** A folder with these files and a program in `bin`; FOLDER in them is its path. Loads what lies there. */
const etc = (context: TestContext, files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-config-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries({
    'policy.json': POLICY,
    'bin/berth-test-runtime': '',
    ...files,
  })) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text.replaceAll('FOLDER', folder), { mode: 0o755 });
  }
  const load = () =>
    loadConfig({
      file: join(folder, 'crio.conf'),
      dropInDir: join(folder, 'crio.conf.d'),
      registriesFile: join(folder, 'registries.conf'),
      registriesDir: join(folder, 'registries.conf.d'),
      signaturesDir: join(folder, 'registries.d'),
      policyFile: join(folder, 'policy.json'),
      env: { PATH: join(folder, 'bin') },
    });
  return { folder, load };
};

const RUNTIME = '[crio.runtime.runtimes.berth-test-runtime]\n';

test('nothing configured is a correct node', async (context) => {
  const { load, folder } = etc(context, { 'bin/runc': '' });
  const config = await load();
  assert.equal(config.listen, '/var/run/crio/crio.sock');
  assert.equal(config.cgroupManager, 'systemd');
  assert.equal(config.root, '/var/lib/berth');
  assert.deepEqual(config.runtimes.get('runc'), {
    name: 'runc',
    path: join(folder, 'bin/runc'),
    root: '/run/berth/runc',
    args: [],
    allowedAnnotations: [],
    privilegedWithoutHostDevices: false,
  });
  assert.equal(config.defaultRuntime, 'runc');
  assert.equal(config.defaultCapabilities.length, 9);
  assert.deepEqual(config.cni.pluginDirs, ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni']);
  assert.deepEqual(config.files, [join(folder, 'policy.json')]);
  assert.deepEqual(config.ignored, []);
  assert.deepEqual(config.policy, { file: join(folder, 'policy.json'), content: JSON.parse(POLICY) });
});

test('drop-ins win over crio.conf in byte order, key by key', async (context) => {
  const { load, folder } = etc(context, {
    'crio.conf': `[crio.runtime]\nlog_level = "debug"\ncgroup_manager = "cgroupfs"\npids_limit = 7\n${RUNTIME}runtime_root = "/run/a"\n`,
    'crio.conf.d/20-b.conf': '[crio.runtime]\nlog_level = "warn"\n',
    'crio.conf.d/10-a.conf': `[crio.runtime]\nlog_level = "error"\npids_limit = 9\n${RUNTIME}runtime_type = "oci"\n`,
    'crio.conf.d/10-a.conf.rpmsave': 'not even TOML',
  });
  const config = await load();
  assert.equal(config.logLevel, 'warn');
  assert.equal(config.pidsLimit, 9);
  assert.equal(config.cgroupManager, 'cgroupfs');
  assert.equal(config.runtimes.get('berth-test-runtime')?.root, '/run/a');
  assert.deepEqual(
    config.files.slice(0, 3),
    ['crio.conf', 'crio.conf.d/10-a.conf', 'crio.conf.d/20-b.conf'].map((name) => join(folder, name)),
  );
  assert.deepEqual(config.ignored, [
    `${join(folder, 'crio.conf.d/10-a.conf.rpmsave')}: not read, its name does not end in .conf`,
  ]);
});

test('every key that berthd honours', async (context) => {
  const { load } = etc(context, {
    'own-policy.json': '{"default":[{"type":"reject"}]}',
    'crio.conf': `
[crio.api]
listen = "unix:///run/other/crio.sock"
grpc_max_send_msg_size = 1000
grpc_max_recv_msg_size = 2000
stream_address = "::1"
stream_port = "10010"
stream_idle_timeout = "1h30m"
stream_enable_tls = true
stream_tls_cert = "/etc/berth/tls.crt"
stream_tls_key = "/etc/berth/tls.key"
stream_tls_ca = "/etc/berth/ca.crt"
tls_min_version = "VersionTLS13"
tls_cipher_suites = ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"]
[crio.runtime]
default_runtime = "other"
default_capabilities = ["CHOWN", "NET_RAW"]
add_inheritable_capabilities = true
default_sysctls = ["net.ipv4.ping_group_range=0 2147483647"]
default_env = ["A=b=c"]
default_ulimits = ["nofile=1024:2048", "core=0"]
cdi_spec_dirs = ["/etc/cdi", "/run/other/cdi"]
absent_mount_sources_to_reject = ["/etc/hostname"]
apparmor_profile = "mine"
selinux = true
device_ownership_from_security_context = true
log_level = "panic"
[crio.runtime.runtimes.other]
runtime_path = "FOLDER/bin/berth-test-runtime"
runtime_root = "/run/other"
runtime_type = "pod"
allowed_annotations = ["io.kubernetes.cri-o.ShmSize"]
privileged_without_host_devices = true
[crio.image]
pause_image = "example.com/pause:1"
signature_policy = "FOLDER/own-policy.json"
short_name_mode = "disabled"
global_auth_file = "/etc/other/auth.json"
[crio.network]
cni_default_network = "mynet"
network_dir = "/etc/cni/other"
plugin_dirs = ["/opt/a", "/opt/b"]
[crio.berth]
root = "/srv/berth"
runroot = "/run/other-berth"
[crio.berth.runtimes.other]
args = ["--platform=ptrace"]
`,
  });
  const config = await load();
  assert.deepEqual(config.ignored, []);
  assert.equal(config.listen, '/run/other/crio.sock');
  assert.equal(config.globalAuthFile, '/etc/other/auth.json');
  assert.equal(config.grpcMaxMessageBytes, 2000);
  assert.deepEqual(config.stream, {
    address: '::1',
    port: 10010,
    idleTimeoutSeconds: 5400,
    tls: {
      cert: '/etc/berth/tls.crt',
      key: '/etc/berth/tls.key',
      ca: '/etc/berth/ca.crt',
      minVersion: 'TLSv1.3',
      ciphers:
        'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE-RSA-CHACHA20-POLY1305:AES128-SHA',
    },
  });
  assert.equal(config.defaultRuntime, 'other');
  assert.match(config.runtimes.get('other')?.path ?? '', /berth-test-runtime$/);
  assert.deepEqual(config.defaultCapabilities, ['CHOWN', 'NET_RAW']);
  assert.equal(config.addInheritableCapabilities, true);
  assert.deepEqual(config.defaultSysctls, { 'net.ipv4.ping_group_range': '0 2147483647' });
  assert.deepEqual(config.defaultEnv, ['A=b=c']);
  assert.deepEqual(config.defaultUlimits, [
    { type: 'RLIMIT_NOFILE', soft: 1024, hard: 2048 },
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
  ]);
  assert.deepEqual(config.cdiSpecDirs, ['/etc/cdi', '/run/other/cdi']);
  assert.deepEqual([config.apparmorProfile, config.selinux], ['mine', true]);
  assert.deepEqual(config.absentMountSourcesToReject, ['/etc/hostname']);
  assert.equal(config.deviceOwnershipFromUser, true);
  const { args, allowedAnnotations, privilegedWithoutHostDevices } = config.runtimes.get('other') ?? {};
  assert.equal(privilegedWithoutHostDevices, true);
  assert.deepEqual([args, allowedAnnotations], [['--platform=ptrace'], ['io.kubernetes.cri-o.ShmSize']]);
  assert.equal(config.logLevel, 'fatal');
  assert.equal(config.pauseImage, 'example.com/pause:1');
  assert.deepEqual(config.policy.content, { default: [{ type: 'reject' }] });
  assert.equal(config.registries.shortNameMode, 'disabled');
  assert.deepEqual(config.cni, {
    defaultNetwork: 'mynet',
    networkDir: '/etc/cni/other',
    pluginDirs: ['/opt/a', '/opt/b'],
  });
  assert.deepEqual([config.root, config.runRoot], ['/srv/berth', '/run/other-berth']);
});

test('what has no effect is listed with its place: CRI-O’s own keys, dead ones, unknown ones', async (context) => {
  const { load, folder } = etc(context, {
    'crio.conf': `[crio]\nroot = "/var/lib/containers/storage"\n\n[crio.runtime]\nconmon = "/usr/bin/conmon"\n${RUNTIME}monitor_path = ""\n[crio.image]\ninsecure_registries = []\n[crio.new.table]\nkey = 1\n`,
  });
  const file = join(folder, 'crio.conf');
  assert.deepEqual((await load()).ignored, [
    `${file}:2: crio.root: the place of images is [crio.berth] root; what is here belongs to another store`,
    `${file}:5: crio.runtime.conmon`,
    `${file}:7: crio.runtime.runtimes.berth-test-runtime.monitor_path`,
    `${file}:9: crio.image.insecure_registries`,
    `${file}:11: crio.new.table.key`,
  ]);
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['a syntax error', '[crio.runtime]\nlog_level = \n', /crio\.conf:2:\d+: /],
  ['a key set twice', '[crio.api]\nlisten = "/a"\nlisten = "/b"\n', /crio\.conf:3:\d+: /],
  ['a prototype', '__proto__ = 1\n', /crio\.conf:1:\d+: /],
  [
    'a level that is none',
    '[crio.runtime]\n\nlog_level = "loud"\n',
    /crio\.conf:3: crio\.runtime\.log_level is none of .*: "loud"/,
  ],
  [
    'a number for a string',
    '[crio.api]\nlisten = 3\n',
    /crio\.conf:2: crio\.api\.listen is not a string of one line: 3/,
  ],
  [
    'a string for a number',
    '[crio.runtime]\npids_limit = "many"\n',
    /crio\.conf:2: crio\.runtime\.pids_limit is not a whole number/,
  ],
  ['a number out of range', '[crio.runtime]\npids_limit = -2\n', /crio\.conf:2: .* from -1 to/],
  [
    'a log too small for an entry',
    '[crio.runtime]\nlog_size_max = 4096\n',
    /crio\.conf:2: crio\.runtime\.log_size_max is neither negative, for no limit, nor 8192/,
  ],
  ['a number beyond 2^53', '[crio.runtime]\npids_limit = 9223372036854775807\n', /crio\.conf:2: /],
  ['a fraction', '[crio.runtime]\npids_limit = 1.5\n', /crio\.conf:2: /],
  [
    'a string for a list',
    '[crio.network]\nplugin_dirs = "/a"\n',
    /crio\.conf:2: crio\.network\.plugin_dirs is not a list/,
  ],
  [
    'a relative path',
    '[crio.network]\nnetwork_dir = "etc"\n',
    /crio\.conf:2: .* is not an absolute path: "etc"/,
  ],
  [
    'a socket path that is too long',
    `[crio.api]\nlisten = "/${'x'.repeat(107)}"\n`,
    /crio\.conf:2: .* 107 bytes/,
  ],
  ['a port beyond 65535', '[crio.api]\nstream_port = "70000"\n', /crio\.conf:2: /],
  [
    'a span of time that is none',
    '[crio.api]\nstream_idle_timeout = "soon"\n',
    /crio\.conf:2: .* span of time/,
  ],
  [
    'TLS without a certificate',
    '[crio.api]\nstream_enable_tls = true\nstream_tls_key = "/tls.key"\n',
    /crio\.conf:2: TLS for streaming needs stream_tls_cert as well/,
  ],
  [
    'TLS without a key',
    '[crio.api]\nstream_tls_cert = "/tls.crt"\nstream_enable_tls = true\nstream_tls_key = ""\n',
    /crio\.conf:3: TLS for streaming needs stream_tls_key as well/,
  ],
  [
    'a version of TLS that is too old',
    '[crio.api]\ntls_min_version = "VersionTLS11"\n',
    /crio\.conf:2: .* is none of "VersionTLS12", "VersionTLS13": "VersionTLS11"/,
  ],
  [
    'a cipher suite that nobody has any more',
    '[crio.api]\ntls_cipher_suites = ["TLS_RSA_WITH_RC4_128_SHA"]\n',
    /crio\.conf:2: .* is no cipher suite of TLS 1\.2 that berth has: "TLS_RSA_WITH_RC4_128_SHA"/,
  ],
  ['a limit that is none', '[crio.runtime]\ndefault_ulimits = ["files=1"]\n', /crio\.conf:2: .*"files=1"/],
  [
    'a soft limit above the hard',
    '[crio.runtime]\ndefault_ulimits = ["nofile=2:1"]\n',
    /soft limit above the hard/,
  ],
  [
    'a sysctl without a value',
    '[crio.runtime]\ndefault_sysctls = ["net.x"]\n',
    /crio\.conf:2: .* not name=value/,
  ],
  [
    'a default runtime that is not configured',
    `[crio.runtime]\ndefault_runtime = "kata"\n${RUNTIME}`,
    /crio\.conf:2: default_runtime "kata" is not among the runtimes berth-test-runtime/,
  ],
  [
    'a default runtime without its program',
    '[crio.runtime.runtimes.x]\nruntime_path = "/nowhere/x"\n',
    /no OCI runtime was found: .*crio\.conf:2: runtime x: \/nowhere\/x is not there/,
  ],
  [
    'a handler that climbs',
    '[crio.runtime.runtimes."../x"]\nruntime_path = "/bin/sh"\n',
    /"..\/x" is not a name/,
  ],
  ['a table for a value', '[crio.runtime.runtimes.x.runtime_path]\na = 1\n', /runtime/],
];
for (const [what, text, message] of REFUSED) {
  test(`crio.conf with ${what} is refused, with its place`, async (context) => {
    const { load } = etc(context, { 'crio.conf': text });
    await assert.rejects(load(), (error) => {
      assert.ok(error instanceof Fail, String(error));
      assert.equal(error.code, 'InvalidArgument');
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  });
}

test('a handler without its program, or of a kind that we cannot run, is left out and listed when another can be the default', async (context) => {
  const { load, folder } = etc(context, {
    'crio.conf': `[crio.runtime]\ndefault_runtime = "berth-test-runtime"\n${RUNTIME}[crio.runtime.runtimes.kata]\nruntime_path = "/nowhere/kata"\n`,
  });
  const config = await load();
  assert.deepEqual([...config.runtimes.keys()], ['berth-test-runtime']);
  assert.deepEqual(config.ignored, [
    `${join(folder, 'crio.conf')}:5: runtime kata: /nowhere/kata is not there`,
  ]);
});

test('a missing policy fails with the remedy, a broken one with its place', async (context) => {
  const { load, folder } = etc(context, { 'crio.conf': RUNTIME });
  rmSync(join(folder, 'policy.json'));
  await assert.rejects(load(), { code: 'FailedPrecondition', hint: /insecureAcceptAnything/ });
  writeFileSync(join(folder, 'policy.json'), '{\n  "default": [{"type": "reject"} {"type": "reject"}]\n}');
  await assert.rejects(load(), { code: 'InvalidArgument', message: /policy\.json:2:34: / });
  writeFileSync(join(folder, 'policy.json'), '{\n  "default": [,]\n}');
  await assert.rejects(load(), {
    code: 'InvalidArgument',
    message: /policy\.json: Unexpected token ',', "\{ "default": \[,\] \}"/,
  });
  for (const text of ['[]', '{}', '{"default":[]}', '{"default":{}}']) {
    writeFileSync(join(folder, 'policy.json'), text);
    await assert.rejects(load(), {
      code: 'InvalidArgument',
      message: /a policy is an object whose "default"/,
    });
  }
});

test('registries.conf: search list, aliases, mirrors; a drop-in replaces a registry with the same prefix', async (context) => {
  const { load, folder } = etc(context, {
    'crio.conf': RUNTIME,
    'registries.conf': `
unqualified-search-registries = ["docker.io", "quay.io"]
short-name-mode = "permissive"
credential-helpers = ["x"]

[[registry]]
location = "docker.io"
mirror-by-digest-only = true
[[registry.mirror]]
location = "mirror.example:5000"
insecure = true

[[registry]]
prefix = "*.internal"
location = "registry.internal"
blocked = true
odd = 1
`,
    'registries.conf.d/10.conf':
      '[aliases]\n"redis" = "docker.io/library/redis"\n[[registry]]\nprefix = "quay.io"\nlocation = "quay.example"\n[[registry.mirror]]\nlocation = "a.example"\npull-from-mirror = "tag-only"\nodd = 2\n[[registry.mirror]]\nlocation = "b.example"\n',
    'registries.conf.d/20.conf':
      '[[registry]]\nprefix = "*.internal"\nlocation = "other.internal"\ninsecure = true\n',
  });
  const { registries, ignored } = await load();
  assert.deepEqual(registries, {
    signatures: { default: undefined, scopes: {} },
    unqualifiedSearch: ['docker.io', 'quay.io'],
    shortNameMode: 'permissive',
    aliases: { redis: 'docker.io/library/redis' },
    registries: [
      {
        prefix: 'docker.io',
        location: 'docker.io',
        insecure: false,
        blocked: false,
        mirrors: [{ location: 'mirror.example:5000', insecure: true, pullFrom: 'digest-only' }],
      },
      { prefix: '*.internal', location: 'other.internal', insecure: true, blocked: false, mirrors: [] },
      {
        prefix: 'quay.io',
        location: 'quay.example',
        insecure: false,
        blocked: false,
        mirrors: [
          { location: 'a.example', insecure: false, pullFrom: 'tag-only' },
          { location: 'b.example', insecure: false },
        ],
      },
    ],
  });
  assert.deepEqual(ignored, [
    `${join(folder, 'registries.conf')}:17: registry.1.odd`,
    `${join(folder, 'registries.conf')}:4: credential-helpers`,
    `${join(folder, 'registries.conf.d/10.conf')}:9: registry.0.mirror.0.odd`,
  ]);
});

const BAD_REGISTRIES: readonly (readonly [string, string, RegExp])[] = [
  [
    'version 1',
    '[registries.search]\nregistries = ["docker.io"]\n',
    /registries\.conf:1: registries\.conf version 1/,
  ],
  [
    'a registry without a place',
    '\n[[registry]]\ninsecure = true\n',
    /registries\.conf:2: a registry needs a prefix or a location/,
  ],
  [
    'a mirror without a place',
    '[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true\n',
    /registries\.conf:3: a mirror needs a location/,
  ],
  [
    'a table for the list of registries',
    '[registry]\nlocation = "a"\n',
    /registries\.conf:1: registry is not a list of tables; write \[\[registry\]\]/,
  ],
  [
    'a string for a flag',
    '[[registry]]\nlocation = "a"\nblocked = "yes"\n',
    /registries\.conf:3: blocked is neither true nor false/,
  ],
  ['a mode that is none', 'short-name-mode = "lax"\n', /registries\.conf:1: short-name-mode is none of/],
  [
    'a mirror that contradicts its registry',
    '[[registry]]\nlocation = "a"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "tag-only"\n',
    /registries\.conf:4: pull-from-mirror contradicts/,
  ],
];
for (const [what, text, message] of BAD_REGISTRIES) {
  test(`registries.conf with ${what} is refused, with its place`, async (context) => {
    const { load } = etc(context, { 'crio.conf': RUNTIME, 'registries.conf': text });
    await assert.rejects(load(), { code: 'InvalidArgument', message });
  });
}
