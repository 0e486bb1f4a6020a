import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimWorkspace, discardWorkspaces, releaseWorkspace } from '../../src/datasets/workspace.ts';
import { type FileServer, serveFiles } from './file-server.ts';
import { digest, temporaryFolder, tinyArchive, tinyBatches, tinyFiles } from './tiny-cifar10.ts';

const script = fileURLToPath(new URL('fetch-child.mjs', import.meta.url));
const archive = await tinyArchive();
let cache: string;
let folder: string;
let server: FileServer | undefined;

beforeEach(() => {
  cache = temporaryFolder();
  folder = join(cache, 'cifar10');
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(cache, { recursive: true });
});

async function slowServer(pauseMs: number): Promise<void> {
  server = await serveFiles({ 'a.tar.gz': { body: archive, ranges: true, pauseMs } });
}

function fetchInChild(): { child: ChildProcess; output: () => string; ended: Promise<number | null> } {
  const published = {
    name: 'a.tar.gz',
    url: `${server!.base}a.tar.gz`,
    bytes: archive.length,
    md5: digest('md5', archive),
  };
  const child = spawn(process.execPath, [
    script,
    cache,
    JSON.stringify(tinyFiles),
    JSON.stringify(published),
  ]);
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => output, ended };
}

/** Waits until a child has received some of the archive. */
async function isUnderWay({ output }: { output: () => string }): Promise<void> {
  await expect.poll(output, { timeout: 20_000, interval: 5 }).toMatch(/^\d{6}$/m);
}

function expectComplete(): void {
  expect(readdirSync(folder).sort()).toEqual([...Object.keys(tinyBatches), 'verified.json']);
  for (const { name, sha1 } of tinyFiles) expect(digest('sha1', readFileSync(join(folder, name)))).toBe(sha1);
}

test('two processes that fetch at once both succeed, and leave one right set', async () => {
  await slowServer(20);
  const both = [fetchInChild(), fetchInChild()];
  await Promise.all(both.map(isUnderWay));
  expect(readdirSync(folder)).toHaveLength(2); // Two private folders, no finished file.
  expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([0, 0]);
  expect(both.map(({ output }) => output().trim().split('\n').at(-1))).toEqual([
    'from official',
    'from official',
  ]);
  expectComplete();
});

test('a fetch killed in mid-download is completed by the next, which does not start over', async () => {
  await slowServer(20);
  const killed = fetchInChild();
  await isUnderWay(killed);
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.fetch-.*-\d+-[0-9a-f]{8}$/)]);

  const next = fetchInChild();
  expect(await next.ended).toBe(0);
  expect(server!.requests[1]).toMatch(/^a\.tar\.gz from \d{6}$/);
  expectComplete();
});

test('of two that follow a killed fetch, one goes on and the other starts over', async () => {
  await slowServer(20);
  const killed = fetchInChild();
  await isUnderWay(killed);
  killed.child.kill('SIGKILL');
  await killed.ended;

  const both = [fetchInChild(), fetchInChild()];
  expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([0, 0]);
  const [, ...requests] = server!.requests;
  expect(requests.filter((request) => request.includes(' from '))).toHaveLength(1);
  expectComplete();
});

test('a workspace of a living process is left alone', async () => {
  const theirs = await claimWorkspace(folder);
  const mine = await claimWorkspace(folder);
  expect(mine).not.toBe(theirs);
  await discardWorkspaces(folder, mine);
  expect(existsSync(theirs)).toBe(true);
});

test('a workspace let go of keeps its partial downloads, and nothing else, for the next', async () => {
  const first = await claimWorkspace(folder);
  writeFileSync(join(first, 'a.tar.gz.part'), 'half');
  writeFileSync(join(first, 'data_batch_1.bin'), 'rebuilt');
  mkdirSync(join(first, 'unpacked'));
  await releaseWorkspace(first);
  const second = await claimWorkspace(folder);
  expect(readdirSync(second)).toEqual(['a.tar.gz.part']);
  expect(readFileSync(join(second, 'a.tar.gz.part'), 'utf8')).toBe('half');
});

test('a workspace let go of with nothing to keep disappears', async () => {
  await releaseWorkspace(await claimWorkspace(folder));
  expect(readdirSync(folder)).toEqual([]);
});

test("a workspace of another machine's process is left alone, as far as anyone can know it is alive", async () => {
  const elsewhere = join(folder, `.fetch-not-${encodeURIComponent(hostname())}-1-00000000`);
  mkdirSync(elsewhere, { recursive: true });
  await discardWorkspaces(folder, await claimWorkspace(folder));
  expect(existsSync(elsewhere)).toBe(true);
});
