import { join } from 'node:path';
import { gunzipFile } from './archive.ts';
import type { DatasetDefinition } from './dataset-definition.ts';
import { debianData } from './debian-package.ts';
import { decodeIdxDataset, IDX_FILES } from './idx.ts';
import { gzippedSource } from './idx-download.ts';
import type { DatasetSource } from './source.ts';

const PUBLISHED = [
  { name: 'train-images-idx3-ubyte', bytes: 26_421_880, md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d' },
  { name: 'train-labels-idx1-ubyte', bytes: 29_515, md5: '25c81989df183df01b3e8a0aad5dffbe' },
  { name: 't10k-images-idx3-ubyte', bytes: 4_422_102, md5: 'bef4ecab320f06d8554ea6380940ec79' },
  { name: 't10k-labels-idx1-ubyte', bytes: 5148, md5: 'bb300cfdad3c16e7a12a480ee83cd310' },
];

export const fashionMnist: DatasetDefinition = {
  name: 'fashion-mnist',
  title: 'Fashion-MNIST',
  description: 'articles of clothing, 28×28 grey, 10 classes',
  licence: 'MIT, Zalando SE',
  homepage: 'https://github.com/zalandoresearch/fashion-mnist',
  classes: [
    'T-shirt/top',
    'trouser',
    'pullover',
    'dress',
    'coat',
    'sandal',
    'shirt',
    'sneaker',
    'bag',
    'ankle boot',
  ],
  shape: [1, 28, 28],
  counts: { train: 60_000, test: 10_000 },
  normalization: { mean: [0.28604], std: [0.35302] },
  files: [
    { name: 'train-images-idx3-ubyte', bytes: 47_040_016, sha1: 'b9bd999c0106c9b8b4b0cefce58c9a6060f27095' },
    { name: 'train-labels-idx1-ubyte', bytes: 60_008, sha1: '4bccf37222e01638381eaa326bf730337a597267' },
    { name: 't10k-images-idx3-ubyte', bytes: 7_840_016, sha1: '880056926db704f9f713097915f99da346f5b1d1' },
    { name: 't10k-labels-idx1-ubyte', bytes: 10_008, sha1: '958122e8b4b97fd4e71eca2d08ef754ed77c3ad9' },
  ],
  sources: [
    gzippedSource(PUBLISHED, ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/']),
    debianSource('dataset-fashion-mnist', 'fashion-mnist'),
  ],
  decode: decodeIdxDataset,
};

/** Debian and its descendants ship the four files, gzipped anew. */
function debianSource(debianPackage: string, folder: string): DatasetSource {
  return {
    name: 'debian',
    where: `Debian package ${debianPackage}`,
    downloadBytes: 30_900_652,
    scratchBytes: 62_000_000,
    async *files(context) {
      const data = await debianData(debianPackage, folder, context);
      for (const name of IDX_FILES) yield { name, bytes: await gunzipFile(join(data, `${name}.gz`)) };
    },
  };
}
