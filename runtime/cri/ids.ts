import { randomBytes } from 'node:crypto';

/** 64 hexadecimal digits, as pods and containers have them everywhere. */
export const newId = (): string => randomBytes(32).toString('hex');
