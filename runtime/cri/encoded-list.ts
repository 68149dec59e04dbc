import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Encoded } from './transport.ts';

/**
 * Encodes list answers from pieces that are kept per record: the kubelet lists everything each second, and
 * hardly anything changes in between. A record is immutable, so its piece holds as long as the object lives.
 */
export const createListEncoder = <Record extends object, Item extends DescMessage>(
  item: Item,
  view: (record: Record) => MessageInitShape<Item>,
): ((records: readonly Record[]) => Encoded) => {
  const pieces = new WeakMap<Record, Uint8Array>();
  const pieceOf = (record: Record): Uint8Array => {
    const kept = pieces.get(record);
    if (kept !== undefined) return kept;
    const piece = new BinaryWriter()
      .tag(ITEMS_FIELD, WireType.LengthDelimited)
      .bytes(toBinary(item, create(item, view(record))))
      .finish();
    pieces.set(record, piece);
    return piece;
  };
  return (records) => new Encoded(Buffer.concat(records.map(pieceOf)));
};

/** All of CRI's list answers, whole and streamed, carry their items in field 1. */
const ITEMS_FIELD = 1;
