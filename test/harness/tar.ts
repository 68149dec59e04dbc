/** Writes tar archives for tests, wrong ones too. Field layout: POSIX.1-2017, ustar and pax. */
export interface TarMember {
  readonly path: string | Buffer;
  /** `0` file, `1` hard link, `2` symlink, `3` character, `4` block, `5` folder, `6` FIFO, or any other flag. */
  readonly flag?: string;
  readonly body?: string | Buffer;
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** Records of a pax header before the member. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** Use GNU's L and K headers for names that do not fit, instead of pax. */
  readonly gnu?: boolean;
}

export const tarOf = (members: readonly TarMember[]): Buffer =>
  Buffer.concat([...members.flatMap(memberBlocks), Buffer.alloc(1024)]);

const memberBlocks = (member: TarMember): Buffer[] => {
  const path = Buffer.from(member.path);
  const target = Buffer.from(member.target ?? '');
  const pax: Record<string, string | Buffer> = { ...member.pax };
  const blocks: Buffer[] = [];
  if (path.length > 100) {
    if (member.gnu) blocks.push(...gnuLong('L', path));
    else pax['path'] = path;
  }
  if (target.length > 100) {
    if (member.gnu) blocks.push(...gnuLong('K', target));
    else pax['linkpath'] = target;
  }
  if (Object.keys(pax).length > 0) {
    const body = paxBody(pax);
    blocks.push(header({ path: 'PaxHeaders/x', flag: 'x' }, body.length), padded(body));
  }
  const body = Buffer.from(member.body ?? '');
  blocks.push(header(member, body.length), padded(body));
  return blocks;
};

const gnuLong = (flag: string, name: Buffer): Buffer[] => {
  const body = Buffer.concat([name, Buffer.alloc(1)]);
  return [header({ path: '././@LongLink', flag }, body.length), padded(body)];
};

const paxBody = (records: Readonly<Record<string, string | Buffer>>): Buffer =>
  Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );

const header = (member: TarMember, size: number): Buffer => {
  const block = Buffer.alloc(512);
  const octal = (value: number, offset: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  };
  Buffer.from(member.path).copy(block, 0, 0, 100);
  octal(member.mode ?? (member.flag === '5' ? 0o755 : 0o644), 100, 8);
  octal(member.uid ?? 0, 108, 8);
  octal(member.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(member.mtime ?? 1_700_000_000, 136, 12);
  block.write('        ', 148, 'latin1');
  block.write(member.flag ?? '0', 156, 'latin1');
  Buffer.from(member.target ?? '').copy(block, 157, 0, 100);
  block.write('ustar\u000000', 257, 'latin1');
  octal(member.major ?? 0, 329, 8);
  octal(member.minor ?? 0, 337, 8);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
};

const padded = (body: Buffer): Buffer =>
  Buffer.concat([body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
