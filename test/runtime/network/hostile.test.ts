import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import test from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import { parseConfigList } from '../../../runtime/network/config-lists.ts';
import { podIps } from '../../../runtime/network/pod-ips.ts';
import { parseResult } from '../../../runtime/network/result.ts';
import { mutationsOf } from '../config/mutations.ts';

const LIST =
  '{"cniVersion":"1.0.0","name":"a","disableCheck":"true","plugins":[{"type":"bridge","capabilities":{"portMappings":true},"ipam":{}}]}';
const RESULT =
  '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.1.2.3/24","interface":0},{"address":"fd00::1/64"}]}';

test('whatever a configuration list says, it is a list with safe names or a Fail', () => {
  let accepted = 0;
  for (const mutant of mutationsOf(LIST, 20_000)) {
    try {
      const list = parseConfigList(mutant, true);
      for (const name of [list.name, ...list.plugins.map(({ type }) => type)])
        assert.match(name, /^[A-Za-z0-9][A-Za-z0-9_.-]*$/);
      accepted += 1;
    } catch (error) {
      assert.ok(error instanceof Fail, `${String(error)}\n${mutant}`);
      assert.equal(error.code, 'InvalidArgument');
    }
  }
  assert.ok(accepted > 500, `${accepted} accepted`);
});

test('whatever a plugin prints, it is a result whose addresses are addresses, or none', () => {
  let accepted = 0;
  for (const mutant of mutationsOf(RESULT, 20_000)) {
    const value = tryParse(mutant);
    const result = parseResult(value);
    if (result === undefined) continue;
    for (const ip of podIps(result)) assert.notEqual(isIP(ip), 0, ip);
    accepted += 1;
  }
  assert.ok(accepted > 500, `${accepted} accepted`);
});

const tryParse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
