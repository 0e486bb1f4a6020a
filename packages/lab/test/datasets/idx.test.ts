import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DatasetDefinition, VerifiedFile } from '../../src/datasets/dataset-definition.ts';
import { decodeIdxDataset, IDX_FILES, parseIdx } from '../../src/datasets/idx.ts';
import { gzippedSource } from '../../src/datasets/idx-download.ts';
import { loadImageDataset } from '../../src/datasets/image-dataset.ts';
import { mnist } from '../../src/datasets/mnist.ts';
import { serveFiles } from './file-server.ts';
import { digest, temporaryFolder, writeFiles } from './tiny-cifar10.ts';

/** An IDX file written from the description on MNIST's page. */
function idx(shape: readonly number[], data: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 0x08;
  header[3] = shape.length;
  for (const [i, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, Buffer.from(data)]);
}

const opened = (bytes: Uint8Array): VerifiedFile => ({
  bytes: bytes.length,
  read: (position, into) => into.set(bytes.subarray(position, position + into.length)),
});

const counting = (count: number, from: number) => Array.from({ length: count }, (_, i) => (from + i) % 256);
const files: Readonly<Record<string, Buffer>> = {
  'train-images-idx3-ubyte': idx([3, 28, 28], counting(3 * 784, 0)),
  'train-labels-idx1-ubyte': idx([3], [7, 0, 9]),
  't10k-images-idx3-ubyte': idx([2, 28, 28], counting(2 * 784, 100)),
  't10k-labels-idx1-ubyte': idx([2], [1, 2]),
};
const zipped = Object.fromEntries(
  Object.entries(files).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]),
);
const published = IDX_FILES.map((name) => {
  const bytes = zipped[`${name}.gz`]!;
  return { name, bytes: bytes.length, md5: digest('md5', bytes) };
});

function tinyMnist(mirrors: readonly string[]): DatasetDefinition {
  const own = IDX_FILES.map((name) => ({
    name,
    bytes: files[name]!.length,
    sha1: digest('sha1', files[name]!),
  }));
  return { ...mnist, files: own, sources: mirrors.length > 0 ? [gzippedSource(published, mirrors)] : [] };
}

let cache: string;
beforeEach(() => {
  cache = temporaryFolder();
});
afterEach(() => rmSync(cache, { recursive: true }));

test('an IDX file is read as its header says', () => {
  expect(parseIdx(opened(idx([2, 2, 3], counting(12, 1))), 'x')).toEqual({ shape: [2, 2, 3], start: 16 });
});

test('what is not an IDX file of bytes, or does not hold what its header says, is refused', () => {
  const cases: readonly (readonly [bytes: Uint8Array, message: string])[] = [
    [Buffer.from([0, 0]), 'x is not an IDX file of unsigned bytes'],
    [gzipSync(idx([2], [1, 2])), 'x is not an IDX file of unsigned bytes'],
    [Buffer.from([0, 0, 0x0d, 1, 0, 0, 0, 0]), 'x is not an IDX file of unsigned bytes'],
    [Buffer.from([0, 0, 8, 2, 0, 0, 0, 1]), 'x ends inside its header'],
    [idx([2, 3], [1, 2, 3, 4, 5]), 'x holds 5 elements, its header says 2 × 3'],
  ];
  for (const [bytes, message] of cases) {
    expect(() => parseIdx(opened(bytes), 'x')).toThrow(expect.objectContaining({ code: 'failed', message }));
  }
});

test('as many labels as images are asked for', async () => {
  const open = async (name: string) =>
    opened(name.startsWith('train-labels') ? idx([2], [7, 0]) : files[name]!);
  await expect(decodeIdxDataset(open, 'train')).rejects.toThrow(
    'train-images-idx3-ubyte holds 3 images, train-labels-idx1-ubyte 2 labels',
  );
});

test('some images come in the order that they are asked for, each with its label', async () => {
  const open = async (name: string) => opened(files[name]!);
  const { images, labels, count } = await decodeIdxDataset(open, 'train', Uint32Array.of(2, 0));
  const all = await decodeIdxDataset(open, 'train');
  expect(count).toBe(2);
  expect([...labels]).toEqual([9, 7]);
  expect(images.subarray(0, 784)).toEqual(all.images.subarray(2 * 784));
  expect(images.subarray(784)).toEqual(all.images.subarray(0, 784));
});

test('the files are fetched from the first mirror that has them, unpacked and decoded', async () => {
  const { 't10k-labels-idx1-ubyte.gz': _, ...others } = zipped;
  const serve = (set: Readonly<Record<string, Buffer>>) =>
    serveFiles(Object.fromEntries(Object.entries(set).map(([name, body]) => [name, { body }])));
  const partial = await serve(others);
  const full = await serve(zipped);
  const data = await loadImageDataset(tinyMnist([partial.base, full.base]), { cache });
  expect(partial.requests).toHaveLength(4);
  expect(full.requests).toEqual(['t10k-labels-idx1-ubyte.gz']);
  expect(data.shape).toEqual([1, 28, 28]);
  expect([...data.train.labels]).toEqual([7, 0, 9]);
  expect([...data.test.images.subarray(0, 3)]).toEqual([100, 101, 102]);
  expect(
    readFileSync(join(cache, 'mnist', 'train-images-idx3-ubyte')).equals(files['train-images-idx3-ubyte']!),
  ).toBe(true);
  await partial.close();
  await full.close();
});

test("torchvision's folder is understood", async () => {
  const raw = join(cache, 'mine', 'MNIST', 'raw');
  mkdirSync(raw, { recursive: true });
  writeFiles(raw, { ...files, ...zipped });
  const data = await loadImageDataset(tinyMnist([]), { cache, from: join(cache, 'mine') });
  expect(data.test.count).toBe(2);
});
