import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { berth, smokeProfileFor } from './berth.ts';

/** What a pod meets that knocks at this machine, beyond its node: an answer, a refusal on the way, or silence. */
const wayOut = async (host: EmbeddedHost): Promise<string> => {
  const gateway = `${host.address.network}.1`;
  // Nobody listens there: only a packet that went there and back can say so.
  const output = await host.output(`
    echo '{"metadata":{"name":"way","uid":"u","namespace":"n"},"log_directory":"/tmp","linux":{}}' > /tmp/way.json
    pod=$(crictl runp /tmp/way.json 2> /dev/null)
    ns=$(sed -n "s|^[^ ]* \\([^ ]*$pod[^ ]*/net\\) .*|\\1|p" /proc/mounts | head -n 1)
    nsenter --net="$ns" timeout 3 bash -c 'exec 3<> /dev/tcp/${gateway}/9' 2>&1 || true
    crictl rmp -f "$pod" > /dev/null 2>&1`);
  if (output.includes('Connection refused')) return 'answered';
  return output.includes('No route to host') ? 'refused on the way' : 'silence';
};

const apply = async (profile: string): Promise<string> => {
  const { exitCode, output } = await berth('apply', profile, '--yes');
  assert.equal(exitCode, 0, output);
  return output;
};

const install = (host: EmbeddedHost, names: string): Promise<string> =>
  host.output(
    `apt-get -qq -o APT::Update::Error-Mode=any update > /dev/null
     DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends ${names} > /dev/null 2>&1`,
  );

test('pods find their way through what is around a node, and a reset leaves it as it was', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-surroundings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const plain = smokeProfileFor(host, folder);
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => proxy.listen(0, `${host.address.network}.1`, resolve));
  t.after(() => new Promise<void>((resolve) => void proxy.close(() => resolve())));
  const address = `http://${host.address.network}.1:${(proxy.address() as AddressInfo).port}`;
  const special = smokeProfileFor(
    host,
    mkdtempSync(join(folder, 'special-')),
    `  swap: off
  proxy: { http: "${address}", no: [.internal.example] }
  registries: { insecure: [registry.example] }
`,
  );
  const fstab = `# mine
LABEL=swap none swap sw 0 0
tmpfs /srv tmpfs noauto 0 0
/swapfile\tswap\tswap\tdefaults 0 0
`;
  await host.output(`printf '%s' '${fstab}' > /etc/fstab; chmod 600 /etc/fstab; systemctl daemon-reload`);
  await install(host, 'iptables ufw firewalld');
  await host.output('systemctl disable --now firewalld');
  await host.output('iptables -F; iptables -t nat -F; iptables -P FORWARD DROP');
  await apply(special);

  await t.test('fstab names no swap any more, and no unit brings it', async () => {
    assert.equal(
      await host.output('cat /etc/fstab'),
      fstab.replace('LABEL=', '#berth# LABEL=').replace('/swapfile', '#berth# /swapfile'),
    );
    assert.equal((await host.output('stat -c %a /etc/fstab')).trim(), '600');
    assert.equal((await host.output('systemctl is-enabled swap.target || true')).trim(), 'masked');
    assert.equal(await host.output('systemctl list-units --all --no-legend --type=swap'), '');
  });

  await t.test('an image comes by the proxy, unless its registry is reached without', async () => {
    await host.run('crictl pull registry.example/a:b');
    await host.run('crictl pull host.internal.example/a:b');
    assert.ok(
      asked.some((line) => line.includes('http://registry.example/v2/')),
      asked.join('\n'),
    );
    assert.ok(!asked.some((line) => line.includes('internal.example')), asked.join('\n'));
    const { stdout } = await host.run(
      'stat -c %a /etc/berth/proxy.env; grep -h -i no_proxy /etc/berth/proxy.env',
    );
    assert.match(stdout, /^600$/m);
    assert.match(stdout, /^no_proxy=".*127\.0\.0\.0\/8.*10\.88\.0\.0\/16,\.internal\.example"$/m);
  });

  await t.test('pods pass a policy of DROP, as Docker leaves it', async () => {
    assert.equal(await wayOut(host), 'answered');
    await host.output('iptables -D FORWARD -j BERTH-FORWARD');
    assert.equal(await wayOut(host), 'silence');
  });

  await t.test('and ufw, by rules of its own that outlast its reload', async () => {
    await host.output(
      'ufw allow 22/tcp && ufw --force enable; echo "tmpfs /opt tmpfs noauto 0 0" >> /etc/fstab',
    );
    assert.equal(await wayOut(host), 'silence');
    assert.match(await apply(plain), /restart berth-masquerade\.service/);
    await host.output('ufw reload; iptables -D FORWARD -j BERTH-FORWARD');
    assert.equal(await wayOut(host), 'answered');
    assert.match(await host.output('ufw status'), /ALLOW FWD +10\.88\.0\.0\/16 +# berth/);
  });

  await t.test('a profile without swap and proxy takes both back, and keeps what others wrote', async () => {
    assert.equal(
      await host.output('cat /etc/fstab; stat -c %a /etc/fstab'),
      `${fstab}tmpfs /opt tmpfs noauto 0 0\n600\n`,
    );
    await host.output(
      '! test -e /etc/berth/proxy.env && test "$(systemctl is-enabled swap.target)" = static',
    );
    const environment = await host.output(
      "tr '\\0' '\\n' < /proc/$(systemctl show -p MainPID --value berth-shim)/environ",
    );
    assert.doesNotMatch(environment, /proxy/i);
  });

  await t.test('firewalld too, which empties the tables of iptables when it starts', async () => {
    await host.output('ufw --force disable && systemctl start firewalld');
    assert.equal(await wayOut(host), 'refused on the way');
    const output = await apply(plain);
    assert.match(output, /add 10\.88\.0\.0\/16 in firewalld's zone trusted/);
    assert.match(output, /remove ufw's rule route allow from 10\.88\.0\.0\/16/);
    assert.equal(await wayOut(host), 'answered');
    const again = await berth('plan', plain);
    assert.equal(again.exitCode, 0, again.output);
  });

  await t.test('a reset leaves the rules of others, and none of berth', async () => {
    const { exitCode, output } = await berth('reset', plain, '--yes');
    assert.equal(exitCode, 0, output);
    await host.output(`
      ! grep -q 10.88 /etc/firewalld/zones/trusted.xml && [ -z "$(firewall-cmd --zone=trusted --list-sources)" ]
      ! grep -q 'route:allow' /etc/ufw/user.rules && grep -q 'tuple.*allow tcp 22' /etc/ufw/user.rules
      ! iptables -S | grep BERTH && ! iptables -t nat -S | grep BERTH`);
  });
});
