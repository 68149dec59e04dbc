type Labels = Readonly<Record<string, string>>;

/** True when every label of the selector is there with that value. */
export const matchesLabels = (labels: Labels, selector: Labels): boolean =>
  Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
