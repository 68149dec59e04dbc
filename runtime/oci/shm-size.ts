import { Fail } from '../core/fail.ts';

/** What container engines give /dev/shm by custom; a volume over it can be larger. */
const DEFAULT_BYTES = 64 * 1024 ** 2;

/** CRI-O's name for it. It is heeded where the handler's allowed_annotations has it. */
const ANNOTATION = 'io.kubernetes.cri-o.ShmSize';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** The size of the pod's /dev/shm. Fails `InvalidArgument` for an annotation that is no size. */
export const shmBytes = (
  annotations: Readonly<Record<string, string>>,
  allowed: readonly string[],
): number => {
  const asked = annotations[ANNOTATION];
  if (asked === undefined || !allowed.some((name) => name !== '' && ANNOTATION.startsWith(name)))
    return DEFAULT_BYTES;
  const [, amount = '', unit = ''] = /^(\d{1,12})([kmgt]?)(?:i?b?|i)$/i.exec(asked) ?? [];
  const bytes = Number(amount) * (FACTORS[unit.toLowerCase()] ?? 0);
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new Fail(
    'InvalidArgument',
    `annotation ${ANNOTATION}: ${JSON.stringify(asked.slice(0, 64))} is not a size`,
    {
      hint: 'write bytes, or a number with k, m, g: 128Mi, 1g',
    },
  );
};
