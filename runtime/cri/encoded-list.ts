import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Encoded } from './transport.ts';

export interface ListEncoder<Record> {
  /** The whole list as one answer. */
  (records: readonly Record[]): Encoded;
  /** The same in several, each of bounded size and with one item at least, as the streams of CRI want it. */
  inMessages(records: readonly Record[]): Iterable<Encoded>;
}

/** Far below what a kubelet takes, 16 MiB, and still few messages. */
const MESSAGE_BYTES = 1024 * 1024;

function* inMessages(pieces: readonly Uint8Array[]): Iterable<Encoded> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (waiting.length > 0 && bytes + piece.length > MESSAGE_BYTES) {
      yield new Encoded(Buffer.concat(waiting));
      waiting = [];
      bytes = 0;
    }
    waiting.push(piece);
    bytes += piece.length;
  }
  if (waiting.length > 0) yield new Encoded(Buffer.concat(waiting));
}

/**
 * Encodes what a field of an answer says of a record, once: the kubelet asks each second, and hardly anything changes
 * in between. A record is immutable, so its piece holds as long as the object lives.
 */
export const createPieceEncoder = <Record extends object, Item extends DescMessage>(
  field: number,
  item: Item,
  view: (record: Record) => MessageInitShape<Item>,
): ((record: Record) => Uint8Array) => {
  const pieces = new WeakMap<Record, Uint8Array>();
  return (record) => {
    const kept = pieces.get(record);
    if (kept !== undefined) return kept;
    const piece = new BinaryWriter()
      .tag(field, WireType.LengthDelimited)
      .bytes(toBinary(item, create(item, view(record))))
      .finish();
    pieces.set(record, piece);
    return piece;
  };
};

/** Encodes list answers from such pieces. */
export const createListEncoder = <Record extends object, Item extends DescMessage>(
  item: Item,
  view: (record: Record) => MessageInitShape<Item>,
): ListEncoder<Record> => {
  const pieceOf = createPieceEncoder(ITEMS_FIELD, item, view);
  const encode = (records: readonly Record[]) => new Encoded(Buffer.concat(records.map(pieceOf)));
  return Object.assign(encode, {
    inMessages: (records: readonly Record[]) => inMessages(records.map(pieceOf)),
  });
};

/** All of CRI's list answers, whole and streamed, carry their items in field 1. */
const ITEMS_FIELD = 1;
