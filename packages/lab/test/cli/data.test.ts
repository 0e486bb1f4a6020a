import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dataCommand } from '../../src/cli/data.ts';
import { main } from '../../src/cli/main.ts';
import { defineCifar10 } from '../../src/datasets/cifar10.ts';
import type { ImportedDataset } from '../../src/datasets/imported-dataset.ts';
import { lgg } from '../../src/datasets/lgg.ts';
import { mnist } from '../../src/datasets/mnist.ts';
import type { DatasetSource } from '../../src/datasets/source.ts';
import { examinations, writeTree } from '../datasets/lgg-files.ts';
import { temporaryFolder, tinyBatches, tinyFiles, writeFiles } from '../datasets/tiny-cifar10.ts';

const source: DatasetSource = {
  name: 'official',
  where: 'the official host',
  downloadBytes: 1000,
  scratchBytes: 0,
  async *files() {
    for (const [name, bytes] of Object.entries(tinyBatches)) yield { name, bytes };
  },
};
const tiny = defineCifar10(tinyFiles, [source]);
const size = tinyFiles.reduce((sum, file) => sum + file.bytes, 0);

let folder: string;
let cache: string;
beforeEach(() => {
  folder = temporaryFolder();
  cache = join(folder, 'cache');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Runs `znorm data …` on a catalog of a tiny CIFAR-10 and MNIST; the temporary folder is called FOLDER. */
async function znorm(...args: string[]) {
  return znormWith([], ...args);
}

/** With data sets that are brought, too. */
async function znormWith(imported: readonly ImportedDataset[], ...args: string[]) {
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text).replaceAll(folder, 'FOLDER');
      return true;
    });
  }
  const status = await main(['data', ...args, '--cache', cache], [dataCommand([tiny, mnist, ...imported])]);
  vi.restoreAllMocks();
  return { status, ...written };
}

test('get fetches, and says where to', async () => {
  expect(await znorm('get', 'cifar10')).toEqual({
    status: 0,
    stdout: 'cifar10: from official, 922 kB, every checksum matches.\nFOLDER/cache/cifar10\n',
    stderr: 'cifar10: unpacking and checking (3 files)\n',
  });
  expect(await znorm('get', 'cifar10')).toEqual({
    status: 0,
    stdout: 'cifar10: already in the cache, 922 kB, every checksum matches.\nFOLDER/cache/cifar10\n',
    stderr: '',
  });
});

test('get --json keeps standard output for the record', async () => {
  const { status, stdout } = await znorm('get', 'cifar10', '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    name: 'cifar10',
    folder: 'FOLDER/cache/cifar10',
    source: 'official',
    bytes: size,
    seconds: expect.any(Number),
    files: tinyFiles,
  });
});

test('get --from takes a folder', async () => {
  const mine = join(folder, 'mine');
  mkdirSync(mine);
  writeFiles(mine);
  expect(await znorm('get', 'cifar10', '--from', mine)).toMatchObject({
    status: 0,
    stdout: 'cifar10: from FOLDER/mine, 922 kB, every checksum matches.\nFOLDER/cache/cifar10\n',
  });
});

test('list shows what there is and its state, in 80 columns', async () => {
  await znorm('get', 'cifar10');
  writeFileSync(join(cache, 'cifar10', 'test_batch.bin'), 'short');
  const { status, stdout } = await znorm('list');
  expect(status).toBe(0);
  expect(stdout).toBe(
    [
      'Cache: FOLDER/cache',
      '',
      'cifar10  damaged     200 + 100 images, 922 kB',
      '         photographs of animals and vehicles, 32×32 colour, 10 classes',
      '         https://www.cs.toronto.edu/~kriz/cifar.html',
      '         licence: none stated; cite Krizhevsky, Learning Multiple Layers of',
      '         Features from Tiny Images, 2009',
      'mnist    missing     60,000 + 10,000 images, 55 MB',
      '         handwritten digits, 28×28 grey, 10 classes',
      '         http://yann.lecun.com/exdb/mnist/',
      '         licence: CC BY-SA 3.0, Yann LeCun and Corinna Cortes',
      '',
    ].join('\n'),
  );
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

test('list --json holds everything about each data set', async () => {
  const { stdout } = await znorm('list', '--json');
  const record = JSON.parse(stdout);
  expect(record.cache).toBe('FOLDER/cache');
  expect(record.datasets[1]).toEqual({
    name: 'mnist',
    title: 'MNIST',
    description: 'handwritten digits, 28×28 grey, 10 classes',
    licence: 'CC BY-SA 3.0, Yann LeCun and Corinna Cortes',
    homepage: 'http://yann.lecun.com/exdb/mnist/',
    classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    shape: [1, 28, 28],
    images: { train: 60000, test: 10000 },
    bytes: 54950048,
    sources: ['official', 'npm'],
    state: 'missing',
    folder: 'FOLDER/cache/mnist',
  });
});

test('verify names every file, and ends with status 1 at a damaged one', async () => {
  await znorm('get', 'cifar10');
  expect(await znorm('verify', 'cifar10')).toEqual({
    status: 0,
    stdout:
      'data_batch_1.bin: ok\ndata_batch_2.bin: ok\ntest_batch.bin: ok\ncifar10: all 3 files match their checksums.\n',
    stderr: '',
  });
  writeFileSync(join(cache, 'cifar10', 'data_batch_2.bin'), 'damaged');
  expect(await znorm('verify', 'cifar10')).toEqual({
    status: 1,
    stdout: 'data_batch_1.bin: ok\ndata_batch_2.bin: does not match its checksum\ntest_batch.bin: ok\n',
    stderr:
      'cifar10: data_batch_2.bin does not match its checksum. Delete it and run `znorm data get cifar10`.\n',
  });
});

test('verify says what is not there', async () => {
  expect(await znorm('verify', 'cifar10', '--json')).toEqual({
    status: 1,
    stdout: `${JSON.stringify(
      {
        name: 'cifar10',
        folder: 'FOLDER/cache/cifar10',
        ok: false,
        files: tinyFiles.map(({ name }) => ({ name, verdict: 'missing' })),
      },
      null,
      2,
    )}\n`,
    stderr: 'cifar10: not in the cache. Run `znorm data get cifar10`.\n',
  });
  await znorm('get', 'cifar10');
  rmSync(join(cache, 'cifar10', 'test_batch.bin'));
  expect(await znorm('verify', 'cifar10')).toMatchObject({
    status: 1,
    stderr: 'cifar10: test_batch.bin is missing. Run `znorm data get cifar10`.\n',
  });
});

test('remove frees the space, and is content when there is nothing to remove', async () => {
  await znorm('get', 'cifar10');
  expect(await znorm('remove', 'cifar10')).toEqual({
    status: 0,
    stdout: 'cifar10: removed, 922 kB freed.\n',
    stderr: '',
  });
  expect(readdirSync(cache)).toEqual([]);
  expect(await znorm('remove', 'cifar10')).toEqual({
    status: 0,
    stdout: 'cifar10: not in the cache.\n',
    stderr: '',
  });
  const { stdout } = await znorm('remove', 'cifar10', '--json');
  expect(JSON.parse(stdout)).toEqual({
    name: 'cifar10',
    folder: 'FOLDER/cache/cifar10',
    removed: false,
    bytes: 0,
  });
});

test('bad input is one clear line and status 2', async () => {
  const cases: readonly (readonly [args: string[], line: string])[] = [
    [['get', 'cifar100'], "znorm: unknown data set 'cifar100'. Did you mean 'cifar10'?"],
    [['get', 'CIFAR-10'], "znorm: unknown data set 'CIFAR-10'. Did you mean 'cifar10'?"],
    [['verify', 'imagenet'], "znorm: unknown data set 'imagenet'. There are cifar10, mnist."],
    [['remove', 'mnst'], "znorm: unknown data set 'mnst'. Did you mean 'mnist'?"],
    [
      ['get', 'cifar10', '--source', 'offical'],
      "cifar10: unknown source 'offical'. Did you mean 'official'?",
    ],
    [['get', 'cifar10', '--sorce', 'npm'], "znorm: unknown option '--sorce'. Did you mean '--source'?"],
    [['get'], "znorm: missing required argument 'NAME'. See `znorm data get --help`."],
    [['gte', 'cifar10'], "znorm: unknown command 'gte'. Did you mean 'get'?"],
    [
      ['get', 'cifar10', '--from', '/no/such/path'],
      'cifar10: there is nothing at /no/such/path. Name a folder or archive of the official files ' +
        '(cifar-10-binary.tar.gz, https://www.cs.toronto.edu/~kriz/cifar.html).',
    ],
  ];
  for (const [args, line] of cases)
    expect(await znorm(...args)).toEqual({ status: 2, stdout: '', stderr: `${line}\n` });
});

test('a data set that is brought: list, get, verify, remove', async () => {
  const from = join(folder, 'mine');
  const name = 'TCGA_CS_0001_20000101';
  writeTree(from, examinations({ [name]: [0, 64] }));
  const run = (...args: string[]) => znormWith([lgg], ...args);
  const stdout = async (...args: string[]) => (await run(...args)).stdout;

  expect(await stdout('list')).toContain(
    [
      'lgg      missing     110 patients, 3,929 slices',
      '         brain MRI slices with tumour masks, 256×256, 3 sequences',
      '         https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation',
      '         licence: CC BY-NC-SA 4.0; cite Buda et al. 2019, arXiv 1906.03720',
      '         bring it: znorm data get lgg --from PATH',
    ].join('\n'),
  );
  writeFileSync(join(from, 'kaggle_3m', name, `${name}_3.tif`), 'x');
  writeFileSync(join(from, 'kaggle_3m', name, `${name}_3_mask.tif`), 'x');
  expect((await run('get', 'lgg', '--from', from)).status).toBe(1);
  expect(await run('get', 'lgg', '--from', from, '--skip-damaged')).toEqual({
    status: 0,
    stdout: 'lgg: 2 samples from FOLDER/mine, 1 left out, 524 kB.\nFOLDER/cache/lgg\n',
    stderr: [
      'lgg: reading slices (3 files)',
      `lgg: kaggle_3m/${name}/${name}_3.tif is not a TIFF image. Left out.`,
      'lgg: 1 of the 110 patients, 3 of the 3,929 slices.',
      '',
    ].join('\n'),
  });
  expect(await stdout('list')).toContain('lgg      ready       2 samples, 525 kB\n');
  const verified =
    'images.u8: ok\ntargets.u8: ok\nmanifest.json: ok\nlgg: all 3 files match their checksums.\n';
  expect(await stdout('verify', 'lgg')).toBe(verified);
  expect(await stdout('get', 'lgg')).toBe(verified);
  expect(await stdout('remove', 'lgg')).toBe('lgg: removed, 525 kB freed.\n');
  expect((await run('verify', 'lgg')).stderr).toBe(
    'lgg: not in the cache. Run `znorm data get lgg --from PATH`.\n',
  );
  expect((await run('get', 'lgg', '--source', 'npm')).stderr).toBe(
    "lgg: unknown source 'npm'. It is brought: `znorm data get lgg --from PATH`.\n",
  );
  expect((await run('get', 'mnist', '--skip-damaged')).stderr).toBe(
    'mnist: expected --skip-damaged for a data set that is brought with --from, such as lgg.\n',
  );
});
