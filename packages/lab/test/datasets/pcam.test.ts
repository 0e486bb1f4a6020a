import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedSamples, importDataset } from '../../src/datasets/imported-dataset.ts';
import { pcam } from '../../src/datasets/pcam.ts';
import { openSamples } from '../../src/datasets/sample-file.ts';
import { thrown } from '../thrown.ts';
import { writeHdf5 } from './lgg-files.ts';
import { temporaryFolder } from './tiny-cifar10.ts';

const counts = { train: 6, valid: 3, test: 2 };
const bring =
  'Run `znorm data get pcam --from PATH` with\nthe folder of the six files camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5 (or .h5.gz) of https://github.com/basveeling/pcam.';
const fileName = (split: string, kind: string) => `camelyonpatch_level_2_split_${split}_${kind}.h5`;
const intact = 'Bring an intact copy, or pass --skip-damaged to leave it out.';

let folder: string;
let cache: string;
/** The six files in the official layout: patch n of a split is red n, green 100 + n, blue 200 + n, its label n mod 2. */
beforeEach(async () => {
  folder = temporaryFolder();
  cache = join(folder, 'cache');
  for (const [split, count] of Object.entries(counts)) {
    const pixels = new Uint8Array(count * 96 * 96 * 3).map(
      (_, i) => (i % 3) * 100 + Math.floor(i / (96 * 96 * 3)),
    );
    await writeHdf5(join(folder, fileName(split, 'x')), 'x', pixels, [count, 96, 96, 3]);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
    await writeHdf5(join(folder, fileName(split, 'y')), 'y', labels, [count, 1, 1, 1]);
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

const bringing = () => importDataset(pcam, { cache, from: folder });
async function problem() {
  const { message, code } = await thrown(bringing);
  return { message: message.replaceAll(folder, 'FOLDER'), code };
}

test.each(['.h5', '.h5.gz'])(
  'the official files (%s) become planes with labels, one group a split',
  async (kind) => {
    if (kind === '.h5.gz')
      for (const split of Object.keys(counts)) {
        const path = join(folder, fileName(split, 'x'));
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
        rmSync(path);
      }
    await bringing();
    const { folder: where, manifest } = await cachedSamples(pcam, { cache });
    expect(manifest).toMatchObject({ count: 11, shape: [3, 96, 96], target: 'label' });
    expect(manifest.groups).toMatchObject([
      { name: 'train', first: 0, count: 6 },
      { name: 'validation', first: 6, count: 3 },
      { name: 'test', first: 9, count: 2 },
    ]);
    const reader = openSamples(where, manifest);
    const image = new Uint8Array(3 * 96 * 96);
    const label = new Uint8Array(1);
    reader.read(7, image, label);
    reader.close();
    expect([image[5], image[96 * 96 + 5], image[2 * 96 * 96 + 5], label[0]]).toEqual([1, 101, 201, 1]);
  },
);

test('a missing file is named', async () => {
  rmSync(join(folder, fileName('valid', 'y')));
  expect(await problem()).toEqual({
    message: `pcam: FOLDER does not hold ${fileName('valid', 'y')} or ${fileName('valid', 'y')}.gz. ${bring}`,
    code: 'bad-input',
  });
});

test.each<[string, (path: string) => void | Promise<void>, string]>([
  ['not HDF5', (path) => writeFileSync(path, 'PNG'), 'is not an HDF5 file'],
  [
    'half of it',
    (path) => writeFileSync(path, readFileSync(path).subarray(0, 700)),
    'is truncated or damaged',
  ],
  [
    'another array',
    (path) => writeHdf5(path, 'z', new Uint8Array(2), [2]),
    "holds no array 'x' of unsigned bytes",
  ],
  [
    'another shape',
    (path) => writeHdf5(path, 'x', new Uint8Array(2 * 32 * 32 * 3), [2, 32, 32, 3]),
    'holds an array [2, 32, 32, 3], expected [2, 96, 96, 3]',
  ],
])('a file that is %s is named', async (_, spoil, message) => {
  await spoil(join(folder, fileName('test', 'x')));
  expect(await problem()).toEqual({
    message: `pcam: ${fileName('test', 'x')} ${message}. ${intact}`,
    code: 'failed',
  });
});

test('labels beside 0 and 1, and as many as there are patches', async () => {
  await writeHdf5(join(folder, fileName('test', 'y')), 'y', Uint8Array.of(0, 2), [2, 1, 1, 1]);
  expect((await problem()).message).toBe(
    `pcam: ${fileName('test', 'y')} holds the label 2 at 1, expected 0 or 1. ${intact}`,
  );
  await writeHdf5(join(folder, fileName('test', 'y')), 'y', new Uint8Array(3), [3, 1, 1, 1]);
  expect((await problem()).message).toBe(
    `pcam: ${fileName('test', 'y')} holds an array [3, 1, 1, 1], expected [2, 1, 1, 1]. ${intact}`,
  );
});

test('a damaged .gz is named', async () => {
  const path = join(folder, fileName('train', 'x'));
  const packed = gzipSync(readFileSync(path));
  writeFileSync(`${path}.gz`, packed.subarray(0, packed.length / 2));
  rmSync(path);
  expect((await problem()).message).toBe(
    `pcam: ${fileName('train', 'x')}.gz is truncated or damaged. ${intact}`,
  );
});
