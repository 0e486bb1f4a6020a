import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cachedSamples, importDataset } from '../../src/datasets/imported-dataset.ts';
import { lgg } from '../../src/datasets/lgg.ts';
import { lggPatches } from '../../src/datasets/lgg-patches.ts';
import { requireOneSplitEach, samplesOf, splitByPatient } from '../../src/datasets/patient-split.ts';
import { openSamples, type SampleGroup } from '../../src/datasets/sample-file.ts';
import { thrown } from '../thrown.ts';
import { examinations, slice, tiff, writeTree, zip } from './lgg-files.ts';
import { temporaryFolder } from './tiny-cifar10.ts';

const [A, B] = ['TCGA_CS_0001_20000101', 'TCGA_DU_0002_20000202'];
const files = examinations({ [A]: [0, 64], [B]: [20] });
const homepage = 'https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation';
const bring = `Run \`znorm data get lgg --from PATH\` with\nthe zip or the unpacked folder (kaggle_3m) of ${homepage}.`;
const intact = 'Bring an intact copy, or pass --skip-damaged to leave it out.';

let folder: string;
let cache: string;
beforeEach(() => {
  folder = temporaryFolder();
  cache = join(folder, 'cache');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Imports files laid out in FOLDER/mine; the message of an error has FOLDER for the temporary folder. */
async function bringing(tree: Readonly<Record<string, Uint8Array | string>>, skipDamaged = false) {
  writeTree(join(folder, 'mine'), tree);
  return importDataset(lgg, { cache, from: join(folder, 'mine'), skipDamaged });
}
async function problem(call: () => Promise<unknown>) {
  const { message, code } = await thrown(call);
  return { message: message.replaceAll(folder, 'FOLDER'), code };
}
const path = (group: string, name: string) => `kaggle_3m/${group}/${group}_${name}.tif`;

describe('a folder and a zip', () => {
  test.each(['folder', 'zip'])('give the same slices, by patient and in order (%s)', async (kind) => {
    if (kind === 'zip') {
      writeFileSync(join(folder, 'mine.zip'), zip(files));
      await importDataset(lgg, { cache, from: join(folder, 'mine.zip') });
    } else await bringing({ ...files, 'kaggle_3m/data.csv': 'x', 'kaggle_3m/README.md': 'x' });
    const { folder: where, manifest } = await cachedSamples(lgg, { cache });
    expect(manifest).toMatchObject({
      dataset: 'lgg',
      count: 3,
      shape: [3, 256, 256],
      target: 'mask',
      skipped: [],
    });
    expect(manifest.groups).toMatchObject([
      { name: A, patient: 'TCGA_CS_0001', first: 0, count: 2 },
      { name: B, patient: 'TCGA_DU_0002', first: 2, count: 1 },
    ]);
    // Pixels are (10, 21 or 22, 30) in the two slices of A.
    const [pre, flair, post] = manifest.groups[0]!.mean;
    expect([pre, flair, post].map((mean) => mean! * 255)).toEqual(
      [10, 21.5, 30].map((x) => expect.closeTo(x, 9)),
    );
    expect(manifest.groups[0]!.std[1]! * 255).toBeCloseTo(0.5, 9);
    const reader = openSamples(where, manifest);
    const image = new Uint8Array(3 * 256 * 256);
    const mask = new Uint8Array(256 * 256);
    reader.read(1, image, mask);
    reader.close();
    expect([image[0], image[256 * 256], image[2 * 256 * 256]]).toEqual([10, 22, 30]);
    expect(mask.reduce((sum, x) => sum + x, 0)).toBe(64 * 64);
    expect([mask[127 * 256 + 127], mask[0]]).toEqual([1, 0]);
  });

  test('that hold an examination twice, as the official zip does, give it once', async () => {
    const twice = Object.entries(files).map(([name, data]) => [`lgg-mri-segmentation/${name}`, data]);
    const { manifest } = await bringing({ ...files, ...Object.fromEntries(twice) });
    expect(manifest.count).toBe(3);
  });

  test('brought again replace what was there; a changed file is noticed', async () => {
    await bringing(files);
    const { folder: where } = await bringing({
      [path(B, '2')]: slice(2, 0).image,
      [path(B, '2_mask')]: slice(2, 0).mask,
    });
    expect((await cachedSamples(lgg, { cache })).manifest.count).toBe(4);
    expect(readdirSync(where).sort()).toEqual(['images.u8', 'manifest.json', 'targets.u8', 'verified.json']);
    truncateSync(join(where, 'targets.u8'), 5);
    expect(await problem(() => cachedSamples(lgg, { cache }))).toEqual({
      message: 'lgg: targets.u8 does not match its checksum. Delete it and run `znorm data get lgg`.',
      code: 'failed',
    });
  });
});

describe('what is wrong is named', () => {
  test('nothing brought yet', async () => {
    expect(await problem(() => cachedSamples(lgg, { cache }))).toEqual({
      message: `lgg: not in the cache. ${bring}`,
      code: 'failed',
    });
    expect(await problem(() => importDataset(lgg, { cache }))).toEqual({
      message: `lgg: no address gives it to a program. ${bring}`,
      code: 'bad-input',
    });
  });

  test('an empty folder, a folder of something else, no folder', async () => {
    const expected = (where: string) => ({
      message: `lgg: ${where} holds no folders like TCGA_CS_4941_19960909 with slices (_1.tif) and masks (_1_mask.tif). ${bring}`,
      code: 'bad-input',
    });
    expect(await problem(() => importDataset(lgg, { cache, from: folder }))).toEqual(expected('FOLDER'));
    expect(await problem(() => bringing({ 'photos/cat_1.tif': 'x' }))).toEqual(expected('FOLDER/mine'));
    expect(await problem(() => importDataset(lgg, { cache, from: join(folder, 'gone') }))).toEqual({
      message: `lgg: there is nothing at FOLDER/gone. ${bring}`,
      code: 'bad-input',
    });
  });

  test('a zip without the folders, and a file that is not a zip', async () => {
    const from = join(folder, 'archive.zip');
    writeFileSync(from, zip({ 'readme.txt': Buffer.from('x') }));
    expect(await problem(() => importDataset(lgg, { cache, from }))).toEqual({
      message: `lgg: FOLDER/archive.zip holds no folders like TCGA_CS_4941_19960909 with slices (_1.tif) and masks (_1_mask.tif). ${bring}`,
      code: 'bad-input',
    });
    writeFileSync(from, 'not a zip at all, whatever its name says');
    expect(await problem(() => importDataset(lgg, { cache, from }))).toEqual({
      message: `lgg: FOLDER/archive.zip is not a zip archive, or its end is missing. ${bring}`,
      code: 'bad-input',
    });
    const damaged = zip(files);
    damaged[200] = 255 - damaged[200]!;
    writeFileSync(from, damaged);
    expect(await problem(() => importDataset(lgg, { cache, from }))).toEqual({
      message: `lgg: ${path(A, '1')} in FOLDER/archive.zip is damaged. ${intact}`,
      code: 'failed',
    });
  });

  const small = tiff(128, 128, 1, new Uint8Array(128 * 128));
  const grey = tiff(256, 256, 1, new Uint8Array(256 * 256));
  const [goodImage, goodMask] = [files[path(A, '2')]!, files[path(A, '2_mask')]!];
  test.each<[string, Record<string, Uint8Array>, string]>([
    [
      'a TIFF that is not one',
      { [path(A, '2')]: Buffer.from('GIF89a') },
      `${path(A, '2')} is not a TIFF image`,
    ],
    ['an empty file', { [path(A, '2')]: Buffer.alloc(0) }, `${path(A, '2')} is not a TIFF image`],
    [
      'half a TIFF',
      { [path(A, '2')]: goodImage.subarray(0, 5000) },
      `${path(A, '2')} is truncated or damaged`,
    ],
    ['a slice without colours', { [path(A, '2')]: grey }, `${path(A, '2')} is 256×256×1, expected 256×256×3`],
    [
      'a mask of another size',
      { [path(A, '2_mask')]: small },
      `${path(A, '2_mask')} is 128×128×1, its slice is 256×256: expected 256×256×1`,
    ],
    [
      'a slice without mask',
      { [path(A, '3')]: goodImage },
      `kaggle_3m/${A}/${A}_3.tif has no mask ${A}_3_mask.tif`,
    ],
    [
      'a mask without slice',
      { [path(A, '3_mask')]: goodMask },
      `kaggle_3m/${A}/${A}_3_mask.tif has no slice ${A}_3.tif`,
    ],
    [
      'a gap',
      { [path(A, '4')]: goodImage, [path(A, '4_mask')]: goodMask },
      `kaggle_3m/${A}/${A}_3.tif is missing, but there are slices up to number 4`,
    ],
  ])('%s; skipped only when asked', async (_, changed, message) => {
    expect(await problem(() => bringing({ ...files, ...changed }))).toEqual({
      message: `lgg: ${message}. ${intact}`,
      code: 'failed',
    });
    expect(readdirSync(join(cache, 'lgg'))).toEqual([]);
    const { manifest } = await bringing({ ...files, ...changed }, true);
    expect(manifest.skipped).toEqual([message]);
    expect(manifest.count).toBeGreaterThanOrEqual(2);
  });
});

describe('patches of LGG', () => {
  /** Slices with tissue everywhere and a square tumour, for which labels can be told from the place. */
  test('come from a folder or from lgg in the cache alike, labelled by their centre', async () => {
    await bringing(examinations({ [A]: [60, 0], [B]: [90] }));
    const { manifest, folder: where } = await importDataset(lggPatches, { cache });
    const reader = openSamples(where, manifest);
    const image = new Uint8Array(3 * 96 * 96);
    const labels = Array.from({ length: manifest.count }, (_, i) => {
      const label = new Uint8Array(1);
      reader.read(i, image, label);
      return label[0];
    });
    reader.close();
    // 4 and 4 of each slice with tumour, one of the slice without.
    expect(manifest.groups.map(({ name, count }) => [name, count])).toEqual([
      [A, 9],
      [B, 8],
    ]);
    expect(labels.filter((label) => label === 1)).toHaveLength(8);
    const again = await importDataset(lggPatches, {
      cache: join(folder, 'other'),
      from: join(folder, 'mine'),
    });
    expect(again.manifest.files).toEqual(manifest.files);
  });

  test('need lgg', async () => {
    expect(await problem(() => importDataset(lggPatches, { cache }))).toMatchObject({ code: 'failed' });
  });
});

describe('a split by patient', () => {
  const group = (patient: string, first: number, date = ''): SampleGroup => ({
    name: `${patient}${date}`,
    patient,
    first,
    count: 2,
    mean: [],
    std: [],
  });
  const groups = Array.from({ length: 14 }, (_, i) => group(`P${i}`, 2 * i));

  test('gives every patient to one split, the same each time', () => {
    const twice = [...groups, group('P3', 28, ' again')];
    const splits = splitByPatient({ dataset: 'lgg', groups: twice });
    expect([splits.train.length + splits.validation.length + splits.test.length]).toEqual([15]);
    expect(splitByPatient({ dataset: 'lgg', groups: twice })).toEqual(splits);
    const holding = Object.values(splits).filter((list: readonly SampleGroup[]) =>
      list.some(({ patient }) => patient === 'P3'),
    );
    expect(holding).toHaveLength(1);
    const all = Object.values(splits).flatMap((list: readonly SampleGroup[]) => [...samplesOf(list)]);
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  test('a patient in two splits is named', async () => {
    const splits = { train: [groups[0]!], validation: [groups[1]!], test: [groups[0]!] };
    expect(await thrown(() => requireOneSplitEach('lgg', splits))).toEqual({
      message:
        'lgg: expected every patient in one split, got P0 in train and test. Split by patient, not by slice.',
      code: 'bad-input',
    });
  });

  test('needs three patients', async () => {
    expect(await thrown(() => splitByPatient({ dataset: 'lgg', groups: groups.slice(0, 2) }))).toEqual({
      message: 'lgg: expected at least 3 patients to split, got 2. Bring more of it.',
      code: 'bad-input',
    });
  });
});
