import { isIP } from 'node:net';
import type { CniResult } from '../spec/cni/cni.ts';

/**
 * What a plugin printed for ADD, if it is a result: the parts that berth reads have the specification's types.
 * Keys that berth does not read are kept: the next plugin gets the result whole as `prevResult`.
 */
export const parseResult = (value: unknown): CniResult | undefined => {
  if (!isObject(value) || typeof value['cniVersion'] !== 'string') return undefined;
  const interfaces = listOf(value['interfaces'], isInterface);
  const ips = listOf(value['ips'], isAddress);
  if (interfaces === undefined || ips === undefined) return undefined;
  return { ...value, cniVersion: value['cniVersion'], interfaces, ips };
};

const isInterface = (value: unknown): value is NonNullable<CniResult['interfaces']>[number] =>
  isObject(value) && typeof value['name'] === 'string' && isOptional(value['sandbox'], 'string');

const isAddress = (value: unknown): value is NonNullable<CniResult['ips']>[number] =>
  isObject(value) && isNetworkAddress(value['address']) && isOptional(value['interface'], 'number');

/** `10.1.2.3/24`: an address with the length of its prefix. */
const isNetworkAddress = (value: unknown): value is string => {
  if (typeof value !== 'string') return false;
  const [, address = '', length = ''] = /^(.*)\/(\d{1,3})$/.exec(value) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(length) <= (family === 4 ? 32 : 128);
};

/** Plugins written in Go print an empty list as null, or leave it out. */
const listOf = <T>(value: unknown, is: (element: unknown) => element is T): T[] | undefined => {
  const list: unknown = value ?? [];
  return Array.isArray(list) && list.every(is) ? list : undefined;
};

const isOptional = (value: unknown, type: 'string' | 'number'): boolean =>
  value === undefined || typeof value === type;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
