import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheRoot, cacheState, removeFiles, verifyFiles } from '../../src/datasets/cache.ts';
import { defineCifar10 } from '../../src/datasets/cifar10.ts';
import { loadImageDataset, loadImages, requireImageDataset } from '../../src/datasets/image-dataset.ts';
import type { DatasetSource } from '../../src/datasets/source.ts';
import { IMAGES, temporaryFolder, tinyBatches, tinyFiles, writeFiles } from './tiny-cifar10.ts';

let cache: string;
let folder: string;
/** Nothing may be fetched here: a source that is asked fails the test. */
const forbidden: DatasetSource = {
  name: 'network',
  where: 'the network',
  downloadBytes: 0,
  scratchBytes: 0,
  files: () => {
    throw new Error('the network was asked');
  },
};
const tiny = defineCifar10(tinyFiles, [forbidden]);
const path = (name: string) => join(folder, name);

beforeEach(() => {
  cache = temporaryFolder();
  folder = join(cache, 'cifar10');
  mkdirSync(folder);
  writeFiles(folder);
  // Whole seconds, which a test can put back exactly.
  for (const { name } of tinyFiles) utimesSync(path(name), 1_700_000_000, 1_700_000_000);
});
afterEach(() => rmSync(cache, { recursive: true }));

/** Changes one byte and leaves size and, if asked to, the time as they were. */
function damage(name: string, keepTime: boolean): void {
  const { atime, mtime } = statSync(path(name));
  const bytes = readFileSync(path(name));
  bytes[5000]! ^= 1;
  writeFileSync(path(name), bytes);
  if (keepTime) utimesSync(path(name), atime, mtime);
}

test('the cache is where --cache, ZNORM_CACHE, XDG_CACHE_HOME or the home folder say, in this order', () => {
  const env = { ZNORM_CACHE: '/z', XDG_CACHE_HOME: '/x' };
  expect(cacheRoot('/given', env)).toBe('/given');
  expect(cacheRoot(undefined, env)).toBe('/z');
  expect(cacheRoot(undefined, { ...env, ZNORM_CACHE: '' })).toBe('/x/znorm');
  expect(cacheRoot(undefined, { XDG_CACHE_HOME: 'relative' })).toBe(join(homedir(), '.cache', 'znorm'));
  expect(cacheRoot(undefined, {})).toBe(join(homedir(), '.cache', 'znorm'));
  expect(cacheRoot('here', {})).toBe(join(process.cwd(), 'here'));
});

test('the state tells ready, damaged, incomplete and missing apart', async () => {
  expect(await cacheState(tiny, cache)).toBe('ready');
  writeFileSync(path('test_batch.bin'), 'short');
  expect(await cacheState(tiny, cache)).toBe('damaged');
  rmSync(path('test_batch.bin'));
  expect(await cacheState(tiny, cache)).toBe('incomplete');
  expect(await cacheState(tiny, join(cache, 'nowhere'))).toBe('missing');
});

test('a damaged file is named with what to do', async () => {
  damage('data_batch_2.bin', false);
  await expect(loadImageDataset(tiny, { cache })).rejects.toMatchObject({
    code: 'failed',
    message:
      'cifar10: data_batch_2.bin does not match its checksum. Delete it and run `znorm data get cifar10`.',
  });
});

test('who only requires a data set hears of damage in the same words, and is content with what is right', async () => {
  expect(await requireImageDataset(tiny, { cache })).toBeUndefined();
  damage('data_batch_2.bin', false);
  await expect(requireImageDataset(tiny, { cache })).rejects.toThrow(
    'cifar10: data_batch_2.bin does not match its checksum. Delete it and run `znorm data get cifar10`.',
  );
  rmSync(path('data_batch_2.bin'));
  await expect(requireImageDataset(tiny, { cache })).rejects.toThrow('the network was asked');
});

test('a file of the wrong size is named in the same way, even if it was right before', async () => {
  await loadImageDataset(tiny, { cache });
  writeFileSync(path('data_batch_2.bin'), tinyBatches['data_batch_2.bin']!.subarray(0, 3073));
  await expect(loadImageDataset(tiny, { cache })).rejects.toThrow(
    'cifar10: data_batch_2.bin does not match its checksum. Delete it and run `znorm data get cifar10`.',
  );
});

test('a file found right is not hashed again until its time changes', async () => {
  await loadImageDataset(tiny, { cache });
  // Size and time are as they were: only a hash could tell, and none is made.
  damage('data_batch_1.bin', true);
  const { train } = await loadImageDataset(tiny, { cache });
  const right = tinyBatches['data_batch_1.bin']!;
  expect(train.images[5000 - 2]! ^ right[5000]!).toBe(1); // 2 labels come before byte 5000.
  utimesSync(path('data_batch_1.bin'), 1_700_000_001, 1_700_000_001);
  await expect(loadImageDataset(tiny, { cache })).rejects.toThrow(
    'data_batch_1.bin does not match its checksum',
  );
});

test('verify hashes every file whatever was found before, and the next load knows', async () => {
  await loadImageDataset(tiny, { cache });
  damage('data_batch_1.bin', true);
  rmSync(path('test_batch.bin'));
  expect(await verifyFiles(tiny, cache)).toEqual({
    'data_batch_1.bin': 'mismatch',
    'data_batch_2.bin': 'ok',
    'test_batch.bin': 'missing',
  });
  writeFiles(folder, { 'test_batch.bin': tinyBatches['test_batch.bin']! });
  await expect(loadImageDataset(tiny, { cache })).rejects.toThrow(
    'data_batch_1.bin does not match its checksum',
  );
});

test('a marker that is not JSON, or of other checksums, is not believed', async () => {
  await loadImageDataset(tiny, { cache });
  const marker = readFileSync(path('verified.json'), 'utf8');
  damage('data_batch_1.bin', true);
  for (const text of ['{', 'null', marker.replaceAll(tinyFiles[0]!.sha1, tinyFiles[1]!.sha1)]) {
    writeFileSync(path('verified.json'), text);
    await expect(loadImageDataset(tiny, { cache })).rejects.toThrow(
      'data_batch_1.bin does not match its checksum',
    );
  }
});

test('loading gives images without their labels, in the order of the files', async () => {
  const data = await loadImageDataset(tiny, { cache });
  expect(data).toMatchObject({
    name: 'cifar10',
    shape: [3, 32, 32],
    sha1: Object.fromEntries(tinyFiles.map(({ name, sha1 }) => [name, sha1])),
    train: { count: 2 * IMAGES },
    test: { count: IMAGES },
  });
  expect(data.classes).toHaveLength(10);
  // Image 7 of the second batch is image 107 of the training set.
  const record = tinyBatches['data_batch_2.bin']!.subarray(7 * 3073, 8 * 3073);
  const n = IMAGES + 7;
  expect(data.train.labels[n]).toBe(record[0]);
  expect(Buffer.from(data.train.images.subarray(n * 3072, (n + 1) * 3072)).equals(record.subarray(1))).toBe(
    true,
  );
  expect(data.test.labels[99]).toBe(tinyBatches['test_batch.bin']![99 * 3073]);
});

test('some images of a split can be loaded alone, in the order that they are asked for', async () => {
  const { train } = await loadImageDataset(tiny, { cache });
  const some = await loadImages(tiny, 'train', Uint32Array.of(IMAGES + 7, 3), { cache });
  expect([...some.labels]).toEqual([train.labels[IMAGES + 7], train.labels[3]]);
  const image = (n: number) => train.images.subarray(n * 3072, (n + 1) * 3072);
  expect(Buffer.concat([image(IMAGES + 7), image(3)]).equals(some.images)).toBe(true);
  damage('data_batch_1.bin', false);
  await expect(loadImages(tiny, 'train', Uint32Array.of(3), { cache })).rejects.toThrow(
    'data_batch_1.bin does not match its checksum',
  );
});

test('a file that is gone is fetched by the next load, and nothing else is asked for', async () => {
  rmSync(path('test_batch.bin'));
  const asked: string[] = [];
  const source: DatasetSource = {
    ...forbidden,
    async *files() {
      asked.push('once');
      for (const [name, bytes] of Object.entries(tinyBatches)) yield { name, bytes };
    },
  };
  const data = await loadImageDataset(defineCifar10(tinyFiles, [source]), { cache });
  expect(data.test.count).toBe(IMAGES);
  await loadImageDataset(defineCifar10(tinyFiles, [source]), { cache });
  expect(asked).toEqual(['once']);
});

test('an unknown name is refused with the nearest', async () => {
  await expect(loadImageDataset('cifar100', { cache })).rejects.toMatchObject({
    code: 'bad-input',
    message: "znorm: unknown data set 'cifar100'. Did you mean 'cifar10'?",
  });
  await expect(loadImageDataset('imagenet', { cache })).rejects.toMatchObject({
    message: "znorm: unknown data set 'imagenet'. There are cifar10, fashion-mnist, mnist.",
  });
});

test('removing deletes the data set and leaves what is not its own', async () => {
  await loadImageDataset(tiny, { cache });
  writeFileSync(path('notes.txt'), 'mine');
  const bytes = tinyFiles.reduce((sum, file) => sum + file.bytes, 0);
  expect(await removeFiles(tiny, cache)).toBe(bytes);
  expect(readdirSync(folder)).toEqual(['notes.txt']);
  rmSync(path('notes.txt'));
  expect(await removeFiles(tiny, cache)).toBe(0);
  expect(readdirSync(cache)).toEqual([]);
});
