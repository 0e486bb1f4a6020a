import { constants, existsSync } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ExpectedError, failure } from '../expected-error.ts';
import { byteSize } from './byte-size.ts';

const NO_SPACE = ['ENOSPC', 'EDQUOT'];
const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS'];
const NOT_A_FOLDER = ['ENOTDIR', 'EEXIST'];

/** Whether another source would fail the same way, because the disk and not the source is at fault. */
export function isDiskError(error: unknown): boolean {
  return [...NO_SPACE, ...NOT_WRITABLE, ...NOT_A_FOLDER].includes(codeOf(error));
}

/** Turns what the operating system says of a full or unwritable disk into a sentence with the next step. */
export function explainDiskError(dataset: string, folder: string, error: unknown): ExpectedError {
  const code = codeOf(error);
  const options = { cause: error };
  const elsewhere = 'set ZNORM_CACHE (or pass --cache) to a folder';
  if (NO_SPACE.includes(code)) {
    return failure(
      `${dataset}: no space left on the disk of ${folder} (${code}). Free some, or ${elsewhere} on another disk.`,
      options,
    );
  }
  if (NOT_A_FOLDER.includes(code)) {
    return failure(`${dataset}: ${folder} is not a folder (${code}). Remove it, or ${elsewhere}.`, options);
  }
  return failure(
    `${dataset}: ${folder} cannot be written (${code}). Make it writable, or ${elsewhere} of yours.`,
    options,
  );
}

/** Fails before a long download rather than at its end. */
export async function requireSpace(dataset: string, folder: string, needed: number): Promise<void> {
  await makeFolder(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < needed) throw tooLittleSpace(dataset, folder, needed, free);
}

/** `mkdir -p` that tells the truth: on a read-only disk Node's own reports ENOENT where EROFS is meant. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    let above = dirname(folder);
    while (!existsSync(above)) above = dirname(above);
    await access(above, constants.W_OK);
    throw error;
  }
}

export function tooLittleSpace(dataset: string, folder: string, needed: number, free: number): ExpectedError {
  return failure(
    `${dataset}: needs ${byteSize(needed)} in ${folder}, ${byteSize(free)} are free. ` +
      'Free some, or set ZNORM_CACHE (or pass --cache) to a folder on another disk.',
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
