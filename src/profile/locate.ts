import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair } from 'yaml';
import type { Finding } from './finding.ts';

const resolved = (document: Document.Parsed, node: unknown): Node | undefined => {
  if (isAlias(node)) return resolved(document, node.resolve(document));
  return isNode(node) ? node : undefined;
};

const pairOf = (node: Node, key: string | number): Pair<unknown, unknown> | undefined =>
  isMap(node)
    ? node.items.find((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key) === String(key))
    : undefined;

const offsetOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);

/**
 * Where in the text a finding stands, as an offset. A path that leaves the document (a missing key) stands where the
 * mapping starts that lacks it; a path through an alias, where the anchor has it.
 */
export const locate = (document: Document.Parsed, finding: Finding): number => {
  let node = resolved(document, document.contents);
  let offset = offsetOf(node) ?? 0;
  for (const [index, part] of finding.path.entries()) {
    if (!node) return offset;
    const last = index === finding.path.length - 1;
    const pair = pairOf(node, part);
    const next = pair ? pair.value : isSeq(node) ? node.items[Number(part)] : undefined;
    if (pair === undefined && next === undefined) return offset;
    const keyOffset = offsetOf(pair?.key);
    offset = (last && finding.at === 'key' ? keyOffset : (offsetOf(next) ?? keyOffset)) ?? offset;
    node = resolved(document, next);
  }
  return offset;
};
