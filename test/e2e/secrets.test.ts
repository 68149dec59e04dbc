import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { placesOf } from '../../src/inventory/embedded/places.ts';
import { type EmbeddedHost, embeddedHost, embeddedTestFolder } from '../harness/embedded.ts';
import { berth, profileFor } from './berth.ts';

const canary = 'cAnArY-7f3a"quote $x';
/** The password of the proxy, as a person knows it and as its address has it. */
const proxyPassword = 'pRoXy-51c8@x';
const proxyLogin = `ops:${encodeURIComponent(proxyPassword)}`;
const basic = Buffer.from(`ops:${canary}`).toString('base64');
/** Every form in which the secret could show. */
const traces = [
  ...[canary, 'cAnArY-7f3a', basic, Buffer.from(canary).toString('base64')],
  ...['pRoXy-51c8', proxyPassword, Buffer.from(`ops:${proxyPassword}`).toString('base64')],
];

const file = '/etc/crio/registries-auth.json';
const proxyFile = '/etc/berth/proxy.env';
const hasNone = (text: string, where: string): void => {
  for (const trace of traces) assert.ok(!text.includes(trace), `${where} has the secret as ${trace}`);
};

/** Argument lists and environments of every process of this machine; those of its containers are among them. */
const watchProcesses = () => {
  const seen = new Set<string>();
  const look = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        // It ended in between.
      }
    }
  };
  const timer = setInterval(look, 20);
  return {
    stop: (): string => {
      clearInterval(timer);
      return [...seen].join('\n');
    },
  };
};

const encrypt = (folder: string): void => {
  execFileSync('age-keygen', ['-o', join(folder, 'key.txt')], { stdio: 'ignore' });
  const recipient = /public key: (\S+)/.exec(readFileSync(join(folder, 'key.txt'), 'utf8'))?.[1] ?? '';
  execFileSync('age', ['-r', recipient, '-o', join(folder, 'password.age')], { input: `${canary}\n` });
};

/** The only way of the host to packages: asks for the login, and counts who has it. */
const startProxy = async (
  t: TestContext,
  host: EmbeddedHost,
): Promise<{ address: string; let: () => number }> => {
  const socketPath = join(placesOf(embeddedTestFolder, host.address.name).proxy, 'socket');
  const wanted = `Basic ${Buffer.from(`ops:${proxyPassword}`).toString('base64')}`;
  let passed = 0;
  const proxy = createServer((asked, response) => {
    if (asked.headers['proxy-authorization'] !== wanted) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
      return;
    }
    passed += 1;
    const { method, url: path, headers } = asked;
    const onward = request({ socketPath, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    asked.pipe(onward);
  });
  const gateway = `${host.address.network}.1`;
  await new Promise<void>((resolve) => proxy.listen(0, gateway, resolve));
  t.after(() => new Promise<void>((resolve) => void proxy.close(() => resolve())));
  await host.output('rm /etc/apt/apt.conf.d/90machine-proxy');
  const { port } = proxy.address() as AddressInfo;
  return { address: `http://${proxyLogin}@${gateway}:${port}`, let: () => passed };
};

test('a secret reaches the one file that it is for, and is seen nowhere else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-secrets-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  encrypt(folder);
  const host = await embeddedHost(t);
  const base = profileFor(host, folder);
  const proxy = await startProxy(t, host);
  const overlay = join(folder, 'logins.yaml');
  writeFileSync(
    overlay,
    `vars: { token: { age: password.age, identity: key.txt } }
spec:
  verify: { level: smoke }
  proxy: { http: "${proxy.address}" }
  registries:
    auth: [{ registry: registry.example, username: ops, password: "\${token}" }]
  kernel: { sysctls: { net.ipv4.conf.all.log_martians: "1" } }
`,
  );
  const withLogins = ['--overlay', overlay];

  await t.test('the plan says that the file is sensitive, and shows nothing of it', async () => {
    const plan = await berth('plan', base, ...withLogins);
    assert.equal(plan.exitCode, 2, plan.output);
    assert.match(plan.output, new RegExp(`write ${file} \\(sensitive\\)`));
    assert.match(plan.output, new RegExp(`write ${proxyFile} \\(sensitive\\)`));
    hasNone(plan.output, 'the plan');
    const saved = join(folder, 'plan.json');
    const json = await berth('plan', base, ...withLogins, '--json', '-o', saved);
    hasNone(json.output, 'plan --json');
    hasNone(readFileSync(saved, 'utf8'), 'the saved plan');
  });

  await t.test('an apply brings it there without an argument list, log or event that has it', async () => {
    const log = join(folder, 'berth.log');
    const processes = watchProcesses();
    const applied = await berth(
      'apply',
      base,
      ...withLogins,
      '--yes',
      '--json',
      '--verbose',
      '--log-file',
      log,
    );
    const seen = processes.stop();
    assert.equal(applied.exitCode, 0, applied.output);
    hasNone(applied.output, 'the output of apply --json');
    hasNone(readFileSync(log, 'utf8'), 'the log file');
    assert.match(seen, /berth/);
    hasNone(seen, 'a list of arguments');
    assert.deepEqual(JSON.parse(await host.output(`cat ${file}`)), {
      auths: { 'registry.example': { auth: basic } },
    });
    assert.equal((await host.output(`stat -c '%a %U' ${file}`)).trim(), '600 root');
    assert.match(await host.output('cat /etc/crio/crio.conf.d/20-berth.conf'), /global_auth_file = /);
    assert.ok(proxy.let() > 5, 'packages came through the proxy');
    assert.match(
      await host.output(`stat -c %a ${proxyFile}; cat ${proxyFile}`),
      /^600\n[\s\S]*https_proxy="http:\/\/ops:/,
    );
  });

  await t.test('the host has it nowhere else, and keeps its own records from others', async () => {
    assert.deepEqual(await placesOnHost(host), [proxyFile, file]);
    assert.equal((await host.output("stat -c '%a' /var/lib/berth-install")).trim(), '700');
    hasNone(await host.output('journalctl --no-pager -o cat; true'), 'the journal');
    hasNone(await host.output('cat /var/lib/berth-install/generations/*/journal'), "berth's own journal");
  });

  await t.test('a second plan is empty, and another password is planned without showing either', async () => {
    const again = await berth('plan', base, ...withLogins);
    assert.equal(again.exitCode, 0, again.output);
    const other = join(folder, 'other.yaml');
    writeFileSync(other, 'vars: { token: { command: [printf, other-secret-1] } }\n');
    const changed = await berth('plan', base, ...withLogins, '--overlay', other);
    assert.equal(changed.exitCode, 2, changed.output);
    assert.match(changed.output, new RegExp(`change ${file} \\(sensitive\\)`));
    assert.doesNotMatch(changed.output, /other-secret-1/);
    hasNone(changed.output, 'the plan of a change');
  });

  await t.test('its removal is planned without showing it', async () => {
    const plan = await berth('plan', base);
    assert.match(plan.output, new RegExp(`delete ${file}`));
    hasNone(plan.output, 'the plan of a removal');
    const reset = await berth('reset', base, ...withLogins, '--check');
    hasNone(reset.output, 'the plan of a reset');
  });

  await t.test('explain tells the line, the file, and who else has a say on the host', async () => {
    await host.output(
      'printf \'[crio.network]\\ncni_default_network = "theirs"\\n\' > /etc/crio/crio.conf.d/99-theirs.conf',
    );
    const key = 'net.ipv4.conf.all.log_martians';
    const told = await berth('explain', base, `spec.kernel.sysctls.${key}`, ...withLogins);
    assert.equal(told.exitCode, 0, told.output);
    assert.match(told.output, /logins\.yaml:7:\d+ +the overlay logins\.yaml/);
    assert.match(told.output, /\/etc\/sysctl\.d\/90-berth\.conf +on the host as rendered/);
    assert.match(told.output, new RegExp(`${key} is 1`));
    // What the probe asks for the sake of limits is none of the profile's parameters.
    const all = await berth('explain', base, 'spec.kernel.sysctls', ...withLogins);
    assert.match(all.output, /net\.ipv4\.ip_forward is 1/);
    assert.doesNotMatch(all.output, /fs\.inotify/);
    const address = await berth('explain', base, 'spec.proxy.http', ...withLogins);
    assert.match(address.output, /logins\.yaml:4:/);
    hasNone(address.output, 'explain');
    const network = await berth('explain', base, 'spec.cni.networks[0].name', '--json');
    const explained = JSON.parse(
      network.output.split('\n').find((line) => line.includes('"explained"')) ?? '{}',
    );
    assert.equal(explained.value, 'mynet');
    assert.deepEqual(explained.sayings, []);
    assert.match(
      explained.effective.join('\n'),
      /99-theirs\.conf .*crio\.network\.cni_default_network.*theirs/,
    );
  });
});

/** Files with any form of the secret, whatever they are. */
const placesOnHost = async (host: EmbeddedHost): Promise<string[]> => {
  const patterns = traces.map((trace) => `-e '${trace}'`).join(' ');
  const found = await host.run(
    `grep -rlF ${patterns} /etc /var /run /root /tmp /usr/local /home 2>/dev/null; true`,
  );
  return found.stdout.trim().split('\n').sort();
};
