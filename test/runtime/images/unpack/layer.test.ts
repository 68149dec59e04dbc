import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Fail } from '../../../../runtime/core/fail.ts';
import type { LayerContents } from '../../../../runtime/images/unpack/extract.ts';
import { unpackLayer } from '../../../../runtime/images/unpack/unpack-layer.ts';
import { getXattr } from '../../../../runtime/linux/xattrs.ts';
import { digestOf } from '../../../harness/oci-image.ts';
import { type TarMember, tarOf } from '../../../harness/tar.ts';

process.umask(0);

interface Unpacked {
  readonly root: string;
  readonly contents: LayerContents;
}

const folderFor = (context: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-layer-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, 'diff');
  mkdirSync(root);
  return root;
};

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const unpackTar = async (
  context: TestContext,
  tar: Buffer,
  blob = tar,
  pieceBytes = 1000,
): Promise<Unpacked> => {
  const root = folderFor(context);
  const signal = AbortSignal.timeout(20_000);
  return { root, contents: await unpackLayer(inPieces(blob, pieceBytes), root, digestOf(tar), signal) };
};

const unpack = (context: TestContext, members: readonly TarMember[]): Promise<Unpacked> =>
  unpackTar(context, tarOf(members));

const isWhiteout = (path: string): boolean => {
  const stat = lstatSync(path);
  return stat.isCharacterDevice() && stat.rdev === 0;
};

const isOpaque = (path: string): boolean => getXattr(path, 'trusted.overlay.opaque')?.toString() === 'y';

test('files keep content, mode, owner and time, set-id bits too', async (context) => {
  const { root } = await unpack(context, [
    { path: 'bin/', flag: '5', mode: 0o1777, uid: 3, gid: 4, mtime: 1_600_000_000 },
    { path: 'bin/su', body: 'su', mode: 0o4755, uid: 5, gid: 6, mtime: 1_500_000_000 },
    { path: 'bin/root-su', body: 'su', mode: 0o6711 },
    { path: 'bin/empty', mode: 0 },
  ]);
  const su = lstatSync(join(root, 'bin/su'));
  assert.deepEqual([su.mode & 0o7777, su.uid, su.gid, su.mtimeMs], [0o4755, 5, 6, 1_500_000_000_000]);
  assert.equal(lstatSync(join(root, 'bin/root-su')).mode & 0o7777, 0o6711);
  assert.equal(lstatSync(join(root, 'bin/empty')).mode & 0o7777, 0);
  const bin = lstatSync(join(root, 'bin'));
  assert.deepEqual([bin.mode & 0o7777, bin.uid, bin.gid, bin.mtimeMs], [0o1777, 3, 4, 1_600_000_000_000]);
  assert.equal(readFileSync(join(root, 'bin/su'), 'utf8'), 'su');
});

test('a set-group-id folder does not give its group to what is unpacked into it', async (context) => {
  const { root } = await unpack(context, [
    { path: 'shared/', flag: '5', mode: 0o2775, gid: 50 },
    { path: 'shared/file', body: 'x' },
    { path: 'shared/sub/', flag: '5', mode: 0o755 },
  ]);
  assert.equal(lstatSync(join(root, 'shared')).mode & 0o7777, 0o2775);
  assert.equal(lstatSync(join(root, 'shared/file')).gid, 0);
  assert.equal(lstatSync(join(root, 'shared/sub')).mode & 0o7777, 0o755);
});

test('links, devices and FIFOs are what the archive says', async (context) => {
  const { root, contents } = await unpack(context, [
    { path: 'file', body: 'shared', uid: 7 },
    { path: 'hard', flag: '1', target: 'file' },
    { path: 'soft', flag: '2', target: '/etc/passwd', uid: 8, mtime: 1_400_000_000 },
    { path: 'null', flag: '3', major: 1, minor: 3, mode: 0o666 },
    { path: 'disk', flag: '4', major: 259, minor: 70_000, mode: 0o660, gid: 6 },
    { path: 'pipe', flag: '6', mode: 0o620 },
  ]);
  assert.equal(lstatSync(join(root, 'hard')).ino, lstatSync(join(root, 'file')).ino);
  assert.equal(readlinkSync(join(root, 'soft')), '/etc/passwd');
  assert.deepEqual(
    [lstatSync(join(root, 'soft')).uid, lstatSync(join(root, 'soft')).mtimeMs],
    [8, 1_400_000_000_000],
  );
  assert.equal(lstatSync(join(root, 'null')).rdev, 0x103);
  assert.equal(lstatSync(join(root, 'disk')).isBlockDevice(), true);
  assert.equal(lstatSync(join(root, 'disk')).gid, 6);
  assert.equal(lstatSync(join(root, 'pipe')).mode & 0o7777, 0o620);
  assert.equal(contents.sizeBytes, 6);
});

for (const gnu of [true, false]) {
  test(`names longer than a header has room for come through ${gnu ? 'GNU' : 'pax'} headers`, async (context) => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(200)}`;
    const { root } = await unpack(context, [
      { path: `${'d'.repeat(120)}/`, flag: '5', gnu },
      { path: long, body: 'x', gnu },
      { path: 'link', flag: '2', target: `/${long}`, gnu },
      { path: 'short', body: 'y' },
    ]);
    assert.equal(readFileSync(join(root, long), 'utf8'), 'x');
    assert.equal(readlinkSync(join(root, 'link')), `/${long}`);
    assert.equal(readFileSync(join(root, 'short'), 'utf8'), 'y');
  });
}

test('pax records give size, owner and a fraction of a second', async (context) => {
  const { root } = await unpack(context, [
    { path: 'file', body: 'x', pax: { uid: '3000000', gid: '3000001', mtime: '1500000000.25' } },
  ]);
  const stat = lstatSync(join(root, 'file'));
  assert.deepEqual([stat.uid, stat.gid, stat.mtimeMs], [3_000_000, 3_000_001, 1_500_000_000_250]);
});

test('names that are not UTF-8 keep their bytes', async (context) => {
  const name = Buffer.from([0x66, 0xe9, 0xff]);
  const { root } = await unpack(context, [
    { path: name, body: 'x' },
    { path: 'ünïcode', body: 'y' },
  ]);
  const names = readdirSync(Buffer.from(root), { encoding: 'buffer' })
    .map((entry) => entry.toString('hex'))
    .sort();
  assert.deepEqual(names, [name.toString('hex'), Buffer.from('ünïcode').toString('hex')].sort());
});

test('file capabilities are kept, and attributes that steer overlayfs or the host are not', async (context) => {
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const { root } = await unpack(context, [
    {
      path: 'ping',
      body: 'x',
      uid: 9,
      pax: {
        'SCHILY.xattr.security.capability': capability,
        'SCHILY.xattr.user.note': 'a=b\nc',
        'SCHILY.xattr.trusted.overlay.redirect': '/etc',
        'SCHILY.xattr.security.selinux': 'x',
      },
    },
  ]);
  const ping = join(root, 'ping');
  assert.deepEqual(getXattr(ping, 'security.capability'), capability);
  assert.equal(getXattr(ping, 'user.note')?.toString(), 'a=b\nc');
  assert.equal(getXattr(ping, 'trusted.overlay.redirect'), undefined);
});

test('whiteouts become overlayfs’s own', async (context) => {
  const { root } = await unpack(context, [
    { path: 'etc/', flag: '5' },
    { path: 'etc/.wh.gone' },
    { path: 'var/', flag: '5' },
    { path: 'var/.wh..wh..opq' },
    { path: 'var/new', body: 'x' },
    { path: '.wh..wh.plnk/', flag: '5' },
  ]);
  assert.equal(isWhiteout(join(root, 'etc/gone')), true);
  assert.equal(isOpaque(join(root, 'var')), true);
  assert.equal(isOpaque(join(root, 'etc')), false);
  assert.deepEqual(readdirSync(root).sort(), ['etc', 'var']);
  assert.deepEqual(readdirSync(join(root, 'var')), ['new']);
});

for (const order of ['before', 'after']) {
  test(`a whiteout that comes ${order} its replacement hides only what lower layers have`, async (context) => {
    const whiteouts: TarMember[] = [{ path: '.wh.file' }, { path: '.wh.folder' }];
    const files: TarMember[] = [
      { path: 'file', body: 'new' },
      { path: 'folder/', flag: '5' },
      { path: 'folder/inside', body: 'new' },
    ];
    const { root } = await unpack(
      context,
      order === 'before' ? [...whiteouts, ...files] : [...files, ...whiteouts],
    );
    assert.equal(readFileSync(join(root, 'file'), 'utf8'), 'new');
    assert.equal(readFileSync(join(root, 'folder/inside'), 'utf8'), 'new');
    assert.equal(isOpaque(join(root, 'folder')), true);
  });
}

test('the last of several members with one path wins, whatever their kinds', async (context) => {
  const { root } = await unpack(context, [
    { path: 'a', body: 'file' },
    { path: 'a/', flag: '5' },
    { path: 'a/b', body: 'x' },
    { path: 'a', flag: '2', target: 'elsewhere' },
    { path: 'c', flag: '2', target: '/etc/passwd' },
    { path: 'c', body: 'not passwd' },
  ]);
  assert.equal(readlinkSync(join(root, 'a')), 'elsewhere');
  assert.equal(readFileSync(join(root, 'c'), 'utf8'), 'not passwd');
});

test('folders that the archive leaves out are made and reported', async (context) => {
  const { root, contents } = await unpack(context, [{ path: './usr/local/bin/tool', body: 'x' }]);
  assert.equal(readFileSync(join(root, 'usr/local/bin/tool'), 'utf8'), 'x');
  assert.deepEqual(contents.implicitFolders, ['', 'usr', 'usr/local', 'usr/local/bin']);
});

const MALICIOUS: readonly (readonly [string, readonly TarMember[]])[] = [
  ['a path that climbs', [{ path: '../evil', body: 'x' }]],
  ['a path that climbs on the way', [{ path: 'a/../../evil', body: 'x' }]],
  [
    'a file through a symbolic link of this layer',
    [
      { path: 'out', flag: '2', target: '/tmp' },
      { path: 'out/evil', body: 'x' },
    ],
  ],
  [
    'a folder through a symbolic link',
    [
      { path: 'out', flag: '2', target: '..' },
      { path: 'out/evil/', flag: '5' },
    ],
  ],
  [
    'a whiteout through a symbolic link',
    [{ path: 'out', flag: '2', target: '/etc' }, { path: 'out/.wh.passwd' }],
  ],
  [
    'an opaque mark through a symbolic link',
    [{ path: 'out', flag: '2', target: '/etc' }, { path: 'out/.wh..wh..opq' }],
  ],
  ['a hard link to a file outside', [{ path: 'hard', flag: '1', target: '../../../../etc/passwd' }]],
  ['a hard link to an absolute path', [{ path: 'hard', flag: '1', target: '/etc/passwd' }]],
  [
    'a hard link through a symbolic link',
    [
      { path: 'out', flag: '2', target: '/etc' },
      { path: 'hard', flag: '1', target: 'out/passwd' },
    ],
  ],
  [
    'a hard link to a folder',
    [
      { path: 'd/', flag: '5' },
      { path: 'hard', flag: '1', target: 'd' },
    ],
  ],
  [
    'a file below a file',
    [
      { path: 'f', body: 'x' },
      { path: 'f/evil', body: 'x' },
    ],
  ],
  ['a whiteout of the parent', [{ path: 'd/', flag: '5' }, { path: 'd/.wh...' }]],
  ['a root that is a symbolic link', [{ path: './', flag: '2', target: '/etc' }]],
  ['a NUL byte in a name', [{ path: 'x', body: 'x', pax: { path: 'a\0b' } }]],
  ['a name longer than Linux has', [{ path: 'n'.repeat(300), body: 'x' }]],
  ['a path longer than Linux has', [{ path: 'abc/'.repeat(1200), flag: '5' }]],
  ['an owner that no system has', [{ path: 'x', body: 'x', pax: { uid: '4294967295' } }]],
  ['a negative size', [{ path: 'x', body: 'x', pax: { size: '-5' } }]],
  [
    'a pax header whose length lies',
    [
      { path: 'PaxHeaders/x', flag: 'x', body: '999 path=a\n' },
      { path: 'x', body: 'x' },
    ],
  ],
  [
    'a pax header without end',
    [
      { path: 'PaxHeaders/x', flag: 'x', body: '11 path=ab' },
      { path: 'x', body: 'x' },
    ],
  ],
];

for (const [what, members] of MALICIOUS) {
  test(`${what} is refused and nothing appears outside the layer`, async (context) => {
    const tar = tarOf(members);
    const root = folderFor(context);
    await assert.rejects(unpackLayer(inPieces(tar, 700), root, digestOf(tar), AbortSignal.timeout(20_000)), {
      code: 'InvalidArgument',
    });
    assert.deepEqual(readdirSync(join(root, '..')), ['diff']);
    assert.equal(existsSync('/tmp/evil'), false);
  });
}

test('sparse files and unknown kinds are refused by name', async (context) => {
  await assert.rejects(unpack(context, [{ path: 'x', flag: 'S', body: 'x' }]), {
    code: 'Unimplemented',
    message: /sparse/,
  });
  const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' };
  await assert.rejects(unpack(context, [{ path: 'x', body: 'x', pax }]), {
    code: 'Unimplemented',
    message: /sparse/,
  });
  await assert.rejects(unpack(context, [{ path: 'x', flag: 'Q' }]), {
    code: 'Unimplemented',
    message: /unknown type "Q"/,
  });
});

test('an archive that is cut, damaged or none at all is refused', async (context) => {
  const tar = tarOf([{ path: 'file', body: 'x'.repeat(5000) }]);
  for (const length of [100, 512, 2000]) {
    await assert.rejects(unpackTar(context, tar.subarray(0, length)), {
      code: 'InvalidArgument',
      message: /middle of an entry/,
    });
  }
  const damaged = Buffer.from(tar);
  damaged[3] = 0x21;
  await assert.rejects(unpackTar(context, damaged), { code: 'InvalidArgument', message: /checksum/ });
  await assert.rejects(unpackTar(context, Buffer.from('not a tar archive. '.repeat(60))), {
    code: 'InvalidArgument',
  });
});

test('an archive without its end mark is whole when its last member is', async (context) => {
  const tar = tarOf([{ path: 'file', body: 'x' }]);
  const { root } = await unpackTar(context, tar.subarray(0, 1024));
  assert.equal(readFileSync(join(root, 'file'), 'utf8'), 'x');
});

test('bytes that are not those of the diff id are data loss', async (context) => {
  const tar = tarOf([{ path: 'file', body: 'x' }]);
  const other = digestOf(Buffer.from('other'));
  await assert.rejects(
    unpackLayer(inPieces(tar, 512), folderFor(context), other, AbortSignal.timeout(5000)),
    { code: 'DataLoss' },
  );
});

test('bytes behind the end of the archive count for the digest and nothing else', async (context) => {
  const tar = Buffer.concat([
    tarOf([{ path: 'a', body: 'x' }]),
    tarOf([{ path: 'b', body: 'y' }]),
    Buffer.alloc(5000, 7),
  ]);
  const { root } = await unpackTar(context, tar);
  assert.deepEqual(readdirSync(root), ['a']);
});

test('whatever bytes change, the outcome is a refusal by name, and nothing leaves the layer', async (context) => {
  const good = tarOf([
    { path: 'd/', flag: '5' },
    { path: 'd/file', body: 'x'.repeat(600), pax: { mtime: '1.5', 'SCHILY.xattr.user.a': 'b' } },
    { path: `d/${'n'.repeat(150)}`, body: 'y', gnu: true },
    { path: 'd/hard', flag: '1', target: 'd/file' },
    { path: 'd/soft', flag: '2', target: '../..' },
    { path: 'd/.wh.gone' },
    { path: 'null', flag: '3', major: 1, minor: 3 },
  ]);
  let state = 42;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const root = folderFor(context);
  for (let round = 0; round < 400; round += 1) {
    const bad = Buffer.from(good);
    const at = random(bad.length - 1024);
    const block = at - (at % 512);
    bad[at] = random(256);
    if (random(3) > 0) mendChecksum(bad, block);
    const target = join(root, String(round));
    mkdirSync(target);
    const outcome = await unpackLayer(
      inPieces(bad, 1 + random(2000)),
      target,
      digestOf(good),
      AbortSignal.timeout(20_000),
    ).catch((error: unknown) => error);
    const isRefusal =
      outcome instanceof Fail && ['InvalidArgument', 'Unimplemented', 'DataLoss'].includes(outcome.code);
    assert.ok(isRefusal || bad.equals(good), `round ${round}, byte ${at} = ${bad[at]}: ${String(outcome)}`);
  }
  assert.deepEqual(readdirSync(join(root, '..')), ['diff']);
  assert.equal(readdirSync(root).length, 400);
});

const mendChecksum = (tar: Buffer, block: number): void => {
  tar.write('        ', block + 148, 'latin1');
  const sum = tar.subarray(block, block + 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, block + 148, 'latin1');
};

const BIG = tarOf([
  ...Array.from({ length: 200 }, (_, index) => ({ path: `f${index}`, body: `${index}`.repeat(index * 17) })),
  { path: 'big', body: Buffer.alloc(12 * 2 ** 20, 'abcdefgh') },
]);

/** Frames of different sizes with skippable frames between, as tools that compress in parallel or in chunks write. */
const manyFrames = (bytes: Buffer): Buffer => {
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const frames: Buffer[] = [skippable];
  for (let at = 0, size = 512; at < bytes.length; at += size, size = Math.min(size * 3, 9 * 2 ** 20)) {
    frames.push(zstdCompressSync(bytes.subarray(at, at + size)), skippable);
  }
  return Buffer.concat(frames);
};

const ENCODINGS: Readonly<Record<string, Buffer>> = {
  gzip: gzipSync(BIG),
  'gzip of several members': Buffer.concat([
    gzipSync(BIG.subarray(0, 70_000)),
    gzipSync(BIG.subarray(70_000)),
  ]),
  zstd: zstdCompressSync(BIG),
  'zstd of many frames': manyFrames(BIG),
  no: BIG,
};

for (const [name, blob] of Object.entries(ENCODINGS)) {
  for (const pieceBytes of [1, 65_536]) {
    if (pieceBytes === 1 && blob.length > 200_000) continue;
    test(`${name} compression gives the same files, in pieces of ${pieceBytes}`, async (context) => {
      const { root } = await unpackTar(context, BIG, blob, pieceBytes);
      assert.equal(readdirSync(root).length, 201);
      assert.equal(readFileSync(join(root, 'f150'), 'utf8'), '150'.repeat(150 * 17));
      assert.equal(lstatSync(join(root, 'big')).size, 12 * 2 ** 20);
    });
  }
}

for (const name of ['gzip', 'zstd', 'zstd of many frames']) {
  test(`${name} data that is cut is refused`, async (context) => {
    const blob = ENCODINGS[name] ?? Buffer.alloc(0);
    await assert.rejects(unpackTar(context, BIG, blob.subarray(0, blob.length - 20), 65_536));
  });
}
