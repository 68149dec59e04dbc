import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';

/**
 * Refuses enum values that this daemon does not know. Protobuf lets them through as numbers, and to take one for a
 * default would be to grant what nobody asked for. Fails `InvalidArgument` that names the field.
 */
export const requireKnownValues = (desc: DescMessage, message: object, path = ''): void => {
  for (const field of fieldsToVisit(desc)) {
    const value: unknown = Reflect.get(message, field.localName);
    const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
    for (const [index, each] of values.entries()) {
      const where = `${path}${field.name}${Array.isArray(value) ? `[${index}]` : ''}`;
      if (field.enum !== undefined) requireMember(field.enum, each, where);
      else if (field.message !== undefined) requireKnownValues(field.message, each, `${where}.`);
    }
  }
};

const requireMember = (desc: DescEnum, value: number, where: string): void => {
  if (desc.values.some(({ number }) => number === value)) return;
  throw new Fail('InvalidArgument', `${where}: ${value} is no ${desc.name}`, {
    hint: `it is one of ${desc.values.map(({ name, number }) => `${number} (${name})`).join(', ')}`,
  });
};

const visited = new Map<DescMessage, readonly DescField[]>();

/** Those that are, or have somewhere in them, an enum: most messages have none, and are asked for often. */
const fieldsToVisit = (desc: DescMessage): readonly DescField[] => {
  const known = visited.get(desc);
  if (known !== undefined) return known;
  const fields = desc.fields.filter(
    ({ fieldKind, enum: values, message }) =>
      fieldKind !== 'map' &&
      (values !== undefined || (message !== undefined && fieldsToVisit(message).length > 0)),
  );
  visited.set(desc, fields);
  return fields;
};
