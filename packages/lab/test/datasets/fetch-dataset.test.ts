import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveSource, defineCifar10 } from '../../src/datasets/cifar10.ts';
import { tooLittleSpace } from '../../src/datasets/disk-error.ts';
import { type FetchOptions, fetchDataset } from '../../src/datasets/fetch-dataset.ts';
import { loadImageDataset } from '../../src/datasets/image-dataset.ts';
import type { DatasetSource, FetchProgress, NamedBytes } from '../../src/datasets/source.ts';
import { type FileServer, type ServedFile, serveFiles } from './file-server.ts';
import { digest, temporaryFolder, tinyArchive, tinyBatches, tinyFiles, writeFiles } from './tiny-cifar10.ts';

const archive = await tinyArchive();
let folder: string;
let cache: string;
let server: FileServer | undefined;
let notes: string[];

beforeEach(() => {
  folder = temporaryFolder();
  cache = join(folder, 'cache');
  notes = [];
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

/** The official source, served from this machine. */
async function official(file: Partial<ServedFile> = {}): Promise<DatasetSource> {
  server = await serveFiles({ 'archive.tar.gz': { body: archive, ranges: true, ...file } });
  const url = `${server.base}archive.tar.gz`;
  return archiveSource({ name: 'archive.tar.gz', url, bytes: archive.length, md5: digest('md5', archive) });
}

/** A second source, that yields what it is given. */
function spare(files: Readonly<Record<string, Uint8Array>> = tinyBatches): DatasetSource {
  async function* yieldAll(): AsyncGenerator<NamedBytes> {
    for (const [name, bytes] of Object.entries(files)) yield { name, bytes };
  }
  return { name: 'spare', where: 'the spare', downloadBytes: 1_000_000, scratchBytes: 0, files: yieldAll };
}

/** A source that fails with an error of the operating system. */
function failingWith(code: string): DatasetSource {
  // biome-ignore lint/correctness/useYield: it fails before it has anything to yield.
  async function* fail(): AsyncGenerator<NamedBytes> {
    throw Object.assign(new Error(`${code}: simulated`), { code });
  }
  return { ...spare(), name: 'failing', files: fail };
}

function fetchTiny(sources: readonly DatasetSource[], options: FetchOptions = {}) {
  const onProgress = (progress: FetchProgress) => {
    if (progress.kind === 'note') notes.push(`${progress.dataset}: ${progress.text}`);
  };
  return fetchDataset(defineCifar10(tinyFiles, sources), { cache, onProgress, ...options });
}

/** What a failing fetch says, with the server's address and the temporary folder, different in every run, named. */
async function failureOf(work: Promise<unknown>) {
  try {
    await work;
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    const host = server === undefined ? 'HOST' : new URL(server.base).host;
    return { code, message: message.replaceAll(host, 'HOST').replaceAll(folder, 'FOLDER') };
  }
  throw new Error('it succeeded');
}

/** The cache holds the three files, right, the marker, and nothing else. */
function expectComplete(): void {
  const found = join(cache, 'cifar10');
  expect(readdirSync(found).sort()).toEqual([...Object.keys(tinyBatches), 'verified.json'].sort());
  for (const { name, sha1 } of tinyFiles) expect(digest('sha1', readFileSync(join(found, name)))).toBe(sha1);
}

test('the official archive is fetched, unpacked and cleaned up after', async () => {
  expect(await fetchTiny([await official(), spare()])).toEqual({
    folder: join(cache, 'cifar10'),
    source: 'official',
  });
  expectComplete();
  expect(notes).toEqual([]);
});

test('what is in the cache is not fetched again', async () => {
  await fetchTiny([spare()]);
  expect(await fetchTiny([await official()])).toMatchObject({ source: 'cache' });
  expect(server!.requests).toEqual([]);
});

test('if the official host cannot be reached, one line says so and the next source is used', async () => {
  const source = await official();
  const { host } = new URL(server!.base);
  await server!.close();
  expect(await fetchTiny([source, spare()])).toMatchObject({ source: 'spare' });
  expectComplete();
  expect(notes).toEqual([
    `cifar10: ${host} cannot be reached (connection refused).`,
    'cifar10: trying the spare (1.0 MB).',
  ]);
});

test('a source that is named is the only one tried', async () => {
  const first = await official({ status: 503 });
  expect(await fetchTiny([first, spare()], { source: 'spare' })).toMatchObject({ source: 'spare' });
  expect(server!.requests).toEqual([]);

  rmSync(cache, { recursive: true });
  expect(await failureOf(fetchTiny([first, spare()], { source: 'official' }))).toEqual({
    code: 'failed',
    message:
      'cifar10: could not be fetched.\n' +
      '  official: HOST answered 503 for archive.tar.gz.\n' +
      'Run `znorm data get cifar10` again when the network is back, or bring the files\n' +
      'from https://www.cs.toronto.edu/~kriz/cifar.html and run `znorm data get cifar10 --from PATH`.',
  });
});

test('a source that does not exist is refused, with the nearest or all that do', async () => {
  const sources = [await official(), spare()];
  expect(await failureOf(fetchTiny(sources, { source: 'offical' }))).toEqual({
    code: 'bad-input',
    message: "cifar10: unknown source 'offical'. Did you mean 'official'?",
  });
  expect(await failureOf(fetchTiny(sources, { source: 'torrent' }))).toEqual({
    code: 'bad-input',
    message: "cifar10: unknown source 'torrent'. Its sources: official, spare.",
  });
});

test('if every source fails, each is named with its reason', async () => {
  const damaged = {
    ...tinyBatches,
    'data_batch_2.bin': Buffer.alloc(tinyBatches['data_batch_2.bin']!.length),
  };
  const { 'test_batch.bin': _, ...incomplete } = tinyBatches;
  const sources = [await official({ status: 404 }), spare(damaged), spare(incomplete)];
  expect(await failureOf(fetchTiny(sources))).toEqual({
    code: 'failed',
    message:
      'cifar10: could not be fetched.\n' +
      '  official: HOST answered 404 for archive.tar.gz.\n' +
      '  spare: data_batch_2.bin from the spare does not match its checksum.\n' +
      '  spare: the spare does not hold test_batch.bin.\n' +
      'Run `znorm data get cifar10` again when the network is back, or bring the files\n' +
      'from https://www.cs.toronto.edu/~kriz/cifar.html and run `znorm data get cifar10 --from PATH`.',
  });
  expect(readdirSync(join(cache, 'cifar10'))).toEqual([]);
});

test('a truncated download is kept, and the next fetch completes it', async () => {
  const cutAfter = [100_000, 0, 0, 0]; // What comes after these four requests is whole.
  const source = await official({ cutAfter });
  // How well the archive packs is the business of zlib's version.
  expect((await failureOf(fetchTiny([source]))).message).toMatch(
    /^ {2}official: the download of archive\.tar\.gz stopped at 100 kB of \d+ kB; what came is kept, and the next attempt goes on from there\.$/m,
  );
  server!.requests.length = 0;
  await fetchTiny([source]);
  expect(server!.requests).toEqual(['archive.tar.gz from 100000']);
  expectComplete();
});

test('a damaged file in the cache is named and replaced', async () => {
  await fetchTiny([spare()]);
  writeFileSync(join(cache, 'cifar10', 'data_batch_2.bin'), 'not this');
  expect(await fetchTiny([spare()])).toMatchObject({ source: 'spare' });
  expect(notes).toEqual(['cifar10: data_batch_2.bin does not match its checksum. Fetching it again.']);
  expectComplete();
});

test('a full disk ends the fetch: no other source is tried', async () => {
  expect(await failureOf(fetchTiny([failingWith('ENOSPC'), spare()]))).toEqual({
    code: 'failed',
    message:
      'cifar10: no space left on the disk of FOLDER/cache/cifar10 (ENOSPC). Free some, or set ZNORM_CACHE ' +
      '(or pass --cache) to a folder on another disk.',
  });
  expect(readdirSync(join(cache, 'cifar10'))).toEqual([]);
});

test('a disk that is too small is noticed before anything is fetched', async () => {
  const source = { ...(await official()), scratchBytes: 1e18 };
  expect((await failureOf(fetchTiny([source]))).message).toMatch(
    /^cifar10: needs 1000000 TB in FOLDER\/cache\/cifar10, [\d.]+ [kMGT]?B are free\. /,
  );
  expect(server!.requests).toEqual([]);
  expect(tooLittleSpace('cifar10', '/data', 508e6, 12e6).message).toBe(
    'cifar10: needs 508 MB in /data, 12 MB are free. Free some, or set ZNORM_CACHE (or pass --cache) ' +
      'to a folder on another disk.',
  );
});

test.skipIf(process.platform === 'win32')(
  'a cache that cannot be written is reported with what to do',
  async () => {
    // Skipped on Windows: folders have no mode there.
    mkdirSync(cache);
    chmodSync(cache, 0o555);
    chmodSync(folder, 0o755);
    expect(await asOrdinaryUser(() => failureOf(fetchTiny([spare()])))).toEqual({
      code: 'failed',
      message:
        'cifar10: FOLDER/cache/cifar10 cannot be written (EACCES). Make it writable, or set ZNORM_CACHE ' +
        '(or pass --cache) to a folder of yours.',
    });
  },
);

test.skipIf(process.platform === 'win32')(
  'a cache that cannot be written, but holds the data, serves it',
  async () => {
    await fetchTiny([spare()]);
    rmSync(join(cache, 'cifar10', 'verified.json'));
    chmodSync(join(cache, 'cifar10'), 0o555);
    chmodSync(folder, 0o755);
    const data = await asOrdinaryUser(() => loadImageDataset(defineCifar10(tinyFiles, []), { cache }));
    expect(data.train.count).toBe(200);
  },
);

/** Root may write anywhere, so a test run by root (in a container) puts its rights down for a moment. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid!(65534);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}

test('a cache that is a file is reported with what to do', async () => {
  writeFileSync(cache, '');
  expect(await failureOf(fetchTiny([spare()]))).toEqual({
    code: 'failed',
    message:
      'cifar10: FOLDER/cache/cifar10 is not a folder (ENOTDIR). Remove it, or set ZNORM_CACHE ' +
      '(or pass --cache) to a folder.',
  });
});

test('an interruption leaves the half download for the next fetch', async () => {
  const source = await official({ pauseMs: 30 });
  const controller = new AbortController();
  const onProgress = (progress: FetchProgress) => {
    if (progress.kind === 'task' && progress.done > 200_000) controller.abort();
  };
  await expect(fetchTiny([source, spare()], { signal: controller.signal, onProgress })).rejects.toThrow(
    'aborted',
  );
  await fetchTiny([source]);
  expect(server!.requests[1]).toMatch(/^archive\.tar\.gz from \d{6}$/);
  expectComplete();
});

test('what a person has is taken: a folder, one that is further down, gzipped files, the archive', async () => {
  const plain = join(folder, 'plain');
  const deep = join(folder, 'deep', 'data', 'cifar-10-batches-bin');
  const gzipped = join(folder, 'gzipped');
  const around = join(folder, 'around');
  for (const made of [plain, deep, gzipped, around]) mkdirSync(made, { recursive: true });
  writeFiles(plain);
  writeFiles(deep);
  const packed = Object.entries(tinyBatches).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]);
  writeFiles(gzipped, Object.fromEntries(packed));
  writeFiles(around, { 'cifar-10-binary.tar.gz': archive });

  const paths = [plain, join(folder, 'deep'), gzipped, around, join(around, 'cifar-10-binary.tar.gz')];
  for (const from of paths) {
    rmSync(cache, { recursive: true, force: true });
    expect(await fetchTiny([], { from })).toEqual({ folder: join(cache, 'cifar10'), source: from });
    expectComplete();
  }
});

test('what a person names comes before the cache', async () => {
  await fetchTiny([spare()]);
  const mine = join(folder, 'mine');
  mkdirSync(mine);
  writeFiles(mine, { ...tinyBatches, 'test_batch.bin': Buffer.from('damaged') });
  expect(await failureOf(fetchTiny([spare()], { from: mine }))).toEqual({
    code: 'failed',
    message:
      'cifar10: test_batch.bin from FOLDER/mine does not match its checksum. Get an intact copy of the official ' +
      'files (cifar-10-binary.tar.gz, https://www.cs.toronto.edu/~kriz/cifar.html).',
  });
  expectComplete();
});

test('what is wrong with a path is said', async () => {
  const at = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const damaged = Buffer.from(archive);
  damaged.fill(0, 200_000, 200_100);
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const official =
    'the official files (cifar-10-binary.tar.gz, https://www.cs.toronto.edu/~kriz/cifar.html).';
  const cases: readonly (readonly [path: string, code: string, message: string])[] = [
    [join(folder, 'nowhere'), 'bad-input', 'there is nothing at FOLDER/nowhere. Name a folder or archive of'],
    [
      empty,
      'bad-input',
      'FOLDER/empty does not hold data_batch_1.bin, nor cifar-10-binary.tar.gz. Name a folder or archive of',
    ],
    [
      at('short.tar.gz', archive.subarray(0, 400_000)),
      'failed',
      'FOLDER/short.tar.gz is truncated: it ends before its last file does. Get an intact copy of',
    ],
    [
      at('short.tar', gunzipSync(archive).subarray(0, 400_000)),
      'failed',
      'FOLDER/short.tar is truncated: it ends before its last file does. Get an intact copy of',
    ],
    [
      at('text.tar.gz', Buffer.from('This is no archive. '.repeat(100))),
      'bad-input',
      'FOLDER/text.tar.gz is not a .tar.gz archive. Name a folder or archive of',
    ],
  ];
  for (const [from, code, message] of cases) {
    expect(await failureOf(fetchTiny([], { from }))).toEqual({
      code,
      message: `cifar10: ${message} ${official}`,
    });
  }
  expect((await failureOf(fetchTiny([], { from: at('damaged.tar.gz', damaged) }))).code).toBe('failed');
  expect(readdirSync(join(cache, 'cifar10'))).toEqual([]);
});
