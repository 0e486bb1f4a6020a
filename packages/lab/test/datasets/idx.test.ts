import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DatasetDefinition } from '../../src/datasets/dataset-definition.ts';
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
  const { shape, data } = parseIdx(idx([2, 2, 3], counting(12, 1)), 'x');
  expect(shape).toEqual([2, 2, 3]);
  expect([...data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
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
    expect(() => parseIdx(bytes, 'x')).toThrow(expect.objectContaining({ code: 'failed', message }));
  }
});

test('as many labels as images are asked for', async () => {
  const read = async (name: string) => (name.startsWith('train-labels') ? idx([2], [7, 0]) : files[name]!);
  await expect(decodeIdxDataset(read)).rejects.toThrow(
    'train-images-idx3-ubyte holds 3 images, train-labels-idx1-ubyte 2 labels',
  );
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
