import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DownloadOptions, download } from '../../src/datasets/download.ts';
import { type FileServer, type ServedFile, serveFiles } from './file-server.ts';
import { digest, temporaryFolder } from './tiny-cifar10.ts';

const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) >> 3));
let folder: string;
let to: string;
let server: FileServer | undefined;

beforeEach(() => {
  folder = temporaryFolder();
  to = join(folder, 'file.part');
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

/** Downloads `file.gz`, treated by the server as `file` says. */
async function fetchFrom(file: Partial<ServedFile>, options: Partial<DownloadOptions> = {}): Promise<void> {
  server ??= await serveFiles({ 'file.gz': { body, ...file } });
  const url = `${server.base}file.gz`;
  await download({ url, to, bytes: body.length, md5: digest('md5', body), ...options });
}

/** Why a download fails, with the server's address, different in every run, as HOST. */
async function failureOf(file: Partial<ServedFile>, options: Partial<DownloadOptions> = {}) {
  try {
    await fetchFrom(file, options);
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return { code, message: message.replaceAll(new URL(server!.base).host, 'HOST') };
  }
  throw new Error('the download succeeded');
}

test('a file is written as it was served', async () => {
  const seen: number[] = [];
  await fetchFrom({}, { onProgress: (received) => seen.push(received) });
  expect(readFileSync(to).equals(body)).toBe(true);
  expect(seen.at(-1)).toBe(body.length);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('a server that does not tell the length is believed at the end of the connection', async () => {
  await fetchFrom({ unsized: true });
  expect(readFileSync(to).equals(body)).toBe(true);
});

test('a broken connection is taken up where it broke, if the server honours ranges', async () => {
  await fetchFrom({ ranges: true, cutAfter: [70_000, 80_000] });
  expect(readFileSync(to).equals(body)).toBe(true);
  expect(server!.requests).toEqual(['file.gz', 'file.gz from 70000', 'file.gz from 150000']);
});

test('a broken connection starts again from the beginning, if the server ignores ranges', async () => {
  await fetchFrom({ cutAfter: [70_000] });
  expect(readFileSync(to).equals(body)).toBe(true);
  expect(server!.requests).toEqual(['file.gz', 'file.gz from 70000']);
});

test('a part from an earlier attempt is completed, not fetched again', async () => {
  writeFileSync(to, body.subarray(0, 123_456));
  await fetchFrom({ ranges: true });
  expect(readFileSync(to).equals(body)).toBe(true);
  expect(server!.requests).toEqual(['file.gz from 123456']);
});

test('a file that is there whole is only checked', async () => {
  writeFileSync(to, body);
  await fetchFrom({});
  expect(server!.requests).toEqual([]);
});

test('a part of something else is noticed by the checksum and fetched from the beginning', async () => {
  writeFileSync(to, Buffer.alloc(1000, 7));
  await fetchFrom({ ranges: true });
  expect(readFileSync(to).equals(body)).toBe(true);
  expect(server!.requests).toEqual(['file.gz from 1000', 'file.gz']);
});

test('a part that is longer than the file is thrown away', async () => {
  writeFileSync(to, Buffer.alloc(body.length + 5));
  await fetchFrom({ ranges: true });
  expect(readFileSync(to).equals(body)).toBe(true);
});

test('a connection that keeps breaking is a truncated download; what came is kept', async () => {
  expect(await failureOf({ ranges: true, cutAfter: [120_000, 80_000, 0, 0, 0] })).toEqual({
    code: 'failed',
    message:
      'the download of file.gz stopped at 200 kB of 300 kB; what came is kept, and the next attempt goes on from there',
  });
  expect(readFileSync(to).equals(body.subarray(0, 200_000))).toBe(true);
});

test('a server that ends early without a word is a truncated download', async () => {
  const short = body.subarray(0, 120_000);
  expect(await failureOf({ body: short, unsized: true })).toEqual({
    code: 'failed',
    message:
      'the download of file.gz stopped at 120 kB of 300 kB; what came is kept, and the next attempt goes on from there',
  });
});

test('a file with other bytes than published is refused and deleted', async () => {
  const damaged = Buffer.from(body);
  damaged[1000]! ^= 1;
  expect(await failureOf({ body: damaged })).toEqual({
    code: 'failed',
    message: 'file.gz from HOST does not match its published checksum',
  });
  expect(existsSync(to)).toBe(false);
});

test('a file of another size is refused before it is loaded', async () => {
  expect(await failureOf({ body: Buffer.alloc(999_000) })).toEqual({
    code: 'failed',
    message: 'HOST offers file.gz with 999 kB instead of 300 kB',
  });
  expect(existsSync(to)).toBe(false);
});

test('a server that sends more than it should is cut off', async () => {
  expect(await failureOf({ body: Buffer.concat([body, body]), unsized: true })).toEqual({
    code: 'failed',
    message: 'HOST sends more of file.gz than 300 kB',
  });
});

test('a file that is not there is named with its server', async () => {
  expect(await failureOf({ status: 404 })).toEqual({
    code: 'failed',
    message: 'HOST answered 404 for file.gz',
  });
});

test('redirects are followed, and a circle of them ends', async () => {
  const target = await serveFiles({ 'elsewhere.gz': { body } });
  await fetchFrom({ redirect: `${target.base}elsewhere.gz` });
  await target.close();
  expect(readFileSync(to).equals(body)).toBe(true);

  rmSync(to);
  await server!.close();
  server = await serveFiles({ 'file.gz': { body, redirect: '/file.gz' } });
  expect(await failureOf({})).toEqual({ code: 'failed', message: 'HOST redirects in a circle' });
});

test('a server that says nothing is given up', async () => {
  expect(await failureOf({ silent: true }, { silenceTimeoutMs: 100 })).toEqual({
    code: 'failed',
    message: 'HOST cannot be reached (no data for 0.1 s)',
  });
});

test('a server that falls silent in the middle is given up, too', async () => {
  const patience = { silenceTimeoutMs: 100 };
  // The first 64 KiB come, then nothing for ten seconds.
  expect(await failureOf({ pauseMs: 10_000 }, patience)).toEqual({
    code: 'failed',
    message: expect.stringMatching(/^the download of file\.gz stopped at 66 kB of 300 kB/),
  });
});

test('a host without a server is named at once', async () => {
  server = await serveFiles({});
  await server.close();
  expect(await failureOf({})).toEqual({
    code: 'failed',
    message: 'HOST cannot be reached (connection refused)',
  });
});

test('a host name that does not exist is named', async () => {
  // `.invalid` is reserved never to exist.
  expect(await failureOf({}, { url: 'http://data.invalid/file.gz' })).toEqual({
    code: 'failed',
    message: 'data.invalid cannot be reached (host name not found)',
  });
});

test('an interruption ends it and keeps what came', async () => {
  const controller = new AbortController();
  const onProgress = (received: number) => received >= 65536 && controller.abort();
  await expect(fetchFrom({ pauseMs: 50 }, { signal: controller.signal, onProgress })).rejects.toThrow(
    'aborted',
  );
  const kept = readFileSync(to);
  expect(kept.equals(body.subarray(0, kept.length))).toBe(true);
  expect(kept.length).toBeLessThan(body.length);
});

test.skipIf(!existsSync('/dev/full'))(
  'a full disk is reported as such, not as a broken download',
  async () => {
    // Skipped where there is no /dev/full (not Linux): the device that is always full.
    expect(await failureOf({}, { to: '/dev/full' })).toMatchObject({ code: 'ENOSPC' });
  },
);
