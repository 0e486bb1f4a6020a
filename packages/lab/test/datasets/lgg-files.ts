/** Small stand-ins for what people bring: TIFF, zip and HDF5 files, written by hand. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** An uncompressed little-endian TIFF of 8 bits a channel, as the LGG files are. */
export function tiff(width: number, height: number, channels: number, data: Uint8Array): Buffer {
  const tags: [number, number, number][] = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 8],
    [259, 3, 1],
    [262, 3, channels === 3 ? 2 : 1],
    [273, 4, 8],
    [277, 3, channels],
    [278, 4, height],
    [279, 4, data.length],
  ];
  const directory = Buffer.alloc(2 + 12 * tags.length + 4);
  directory.writeUInt16LE(tags.length, 0);
  tags.forEach(([tag, type, value], i) => {
    directory.writeUInt16LE(tag, 2 + 12 * i);
    directory.writeUInt16LE(type, 4 + 12 * i);
    // Three channels of 8 bits do not fit into the entry; one value for all is what readers take.
    directory.writeUInt32LE(1, 6 + 12 * i);
    directory.writeUInt32LE(value, 10 + 12 * i);
  });
  const header = Buffer.alloc(8);
  header.write('II*\0', 'latin1');
  header.writeUInt32LE(8 + data.length, 4);
  return Buffer.concat([header, data, directory]);
}

/** A slice whose every pixel is (10, 20 + number, 30), and a mask that is a square of `side` in the middle. */
export function slice(number: number, side: number): { image: Buffer; mask: Buffer } {
  const pixels = Uint8Array.from({ length: 256 * 256 * 3 }, (_, i) => [10, 20 + number, 30][i % 3]!);
  const inside = (k: number) => Math.abs(k - 127.5) < side / 2;
  const mask = Uint8Array.from({ length: 256 * 256 }, (_, i) =>
    inside(i % 256) && inside(Math.floor(i / 256)) ? 255 : 0,
  );
  return { image: tiff(256, 256, 3, pixels), mask: tiff(256, 256, 1, mask) };
}

/** Files of examinations, each with a slice for each given side of a tumour. */
export function examinations(sides: Readonly<Record<string, readonly number[]>>): Record<string, Buffer> {
  const files: Record<string, Buffer> = {};
  for (const [name, list] of Object.entries(sides))
    for (const [i, side] of list.entries()) {
      const { image, mask } = slice(i + 1, side);
      files[`kaggle_3m/${name}/${name}_${i + 1}.tif`] = image;
      files[`kaggle_3m/${name}/${name}_${i + 1}_mask.tif`] = mask;
    }
  return files;
}

export function writeTree(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}

/** A zip archive of stored files. */
export function zip(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(files)) {
    const path = Buffer.from(name);
    const about = Buffer.alloc(26);
    about.writeUInt16LE(20, 0);
    about.writeUInt32LE(crc32(data), 10);
    about.writeUInt32LE(data.length, 14);
    about.writeUInt32LE(data.length, 18);
    about.writeUInt16LE(path.length, 22);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), about, path, Buffer.from(data));
    const entry = Buffer.alloc(16);
    entry.writeUInt32LE(offset, 12);
    directory.push(Buffer.from('PK\x01\x02\x14\0', 'latin1'), about, entry.subarray(2), path);
    offset += 30 + path.length + data.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

/** An HDF5 file with one array of bytes, in chunks packed by gzip as PCam's are. */
export async function writeHdf5(
  path: string,
  name: string,
  data: Uint8Array,
  shape: number[],
): Promise<void> {
  const { File, ready } = await import('h5wasm/node');
  await ready;
  const file = new File(path, 'w');
  const chunks = [Math.min(4, shape[0]!), ...shape.slice(1)];
  file.create_dataset({ name, data, shape, dtype: '<B', chunks, compression: 'gzip', compression_opts: [4] });
  file.close();
}
