import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import type { DatasetFile } from '../../src/datasets/dataset-definition.ts';

/** Images a batch. The archive is then large enough to be cut in the middle, and small enough to be quick. */
export const IMAGES = 100;
const RECORD = 3073;

/** A CIFAR-10 of two training batches and a test batch, in the official layout, the same in every run. */
export const tinyBatches: Readonly<Record<string, Buffer>> = {
  'data_batch_1.bin': batch(1),
  'data_batch_2.bin': batch(2),
  'test_batch.bin': batch(3),
};

export const tinyFiles: readonly DatasetFile[] = Object.entries(tinyBatches).map(([name, bytes]) => ({
  name,
  bytes: bytes.length,
  sha1: digest('sha1', bytes),
}));

/** Pixels without a pattern, so that they do not compress and every byte is in its own place. */
function batch(seed: number): Buffer {
  const bytes = Buffer.alloc(IMAGES * RECORD);
  let state = seed;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = i % RECORD === 0 ? (state >>> 24) % 10 : state >>> 24;
  }
  return bytes;
}

/** The files as the official archive holds them. */
export async function tinyArchive(
  files: Readonly<Record<string, Uint8Array>> = tinyBatches,
): Promise<Buffer> {
  const entries = Object.entries(files).map(([name, bytes]) => ({
    header: { name: `cifar-10-batches-bin/${name}`, size: bytes.length, mtime: new Date(0) },
    body: bytes,
  }));
  const folder = { header: { name: 'cifar-10-batches-bin/', size: 0, type: 'directory' as const } };
  return gzipSync(await packTar([folder, ...entries]));
}

export function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array>> = tinyBatches): void {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
}

export function digest(hash: 'md5' | 'sha1' | 'sha512', bytes: Uint8Array): string {
  return createHash(hash).update(bytes).digest('hex');
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'znorm-test-'));
}
