import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SafetensorsContent } from './safetensors.ts';

/**
 * Saves a trainer so that a crash at any moment leaves either the old file or the new one: the bytes go to a file
 * beside it, reach the disk, and take the name in one step.
 *
 * @param attached   what else a resumed run needs from this moment, such as a replay buffer
 * @example
 * await saveCheckpoint('runs/first/last.safetensors', trainer);
 */
export async function saveCheckpoint(
  path: string,
  trainer: { checkpoint(attached?: SafetensorsContent): Uint8Array },
  attached?: SafetensorsContent,
): Promise<void> {
  const bytes = trainer.checkpoint(attached);
  const temporary = `${path}.${process.pid}.partial`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Puts a trainer back to where it was saved. The run goes on bit for bit as if it had not stopped.
 *
 * @returns what was attached to the checkpoint
 * @throws RangeError if the checkpoint is damaged, or is of another model, optimizer or seed
 */
export async function restoreCheckpoint<T>(
  path: string,
  trainer: { restore(checkpoint: Uint8Array): T },
): Promise<T> {
  return trainer.restore(await readFile(path));
}

/** The new name is safe only once the folder itself is on disk. Windows cannot open folders, and needs no such step. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
