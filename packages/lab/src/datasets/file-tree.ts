import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import type { Entry } from 'yauzl';
import { badInput, failure } from '../expected-error.ts';

/** Files by their path in a folder or a zip archive, whichever a person has. Nothing is unpacked to the disk. */
export interface FileTree {
  /** Paths with `/` between their parts, sorted. */
  readonly names: readonly string[];
  /** The contents of one file. @throws an expected error if an archive does not hold what it promises */
  readonly read: (name: string) => Promise<Uint8Array>;
  readonly close: () => void;
}

/** Folders below the one named that are looked into. */
const DEPTH = 4;

/**
 * Opens a folder or a zip archive.
 *
 * @throws an expected error if there is nothing at the path, or the file there is not a zip archive
 */
export async function openFileTree(path: string): Promise<FileTree> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw badInput(`there is nothing at ${path}`);
  if (info.isFile()) return openZip(path);
  const names = (await filesBelow(path, DEPTH)).sort();
  return { names, read: (name) => readFile(join(path, name)), close() {} };
}

async function filesBelow(folder: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) found.push(entry.name);
    else if (depth > 0)
      for (const name of await filesBelow(join(folder, entry.name), depth - 1))
        found.push(`${entry.name}/${name}`);
  }
  return found;
}

async function openZip(path: string): Promise<FileTree> {
  const { openPromise } = await import('yauzl');
  const entries = new Map<string, Entry>();
  const zip = await openPromise(path, { autoClose: false, lazyEntries: true }).catch((error: Error) => {
    throw badInput(`${path} is not a zip archive, or its end is missing`, { cause: error });
  });
  try {
    for await (const entry of zip.eachEntry())
      if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry);
  } catch (error) {
    zip.close();
    throw failure(`${path} is damaged: its list of files cannot be read`, { cause: error });
  }
  return {
    names: [...entries.keys()].sort(),
    async read(name) {
      const entry = entries.get(name)!;
      const damaged = (cause?: unknown) => failure(`${name} in ${path} is damaged`, { cause });
      const stream = await zip.openReadStreamPromise(entry).catch((error) => {
        throw damaged(error);
      });
      const bytes = await buffer(stream).catch((error) => {
        throw damaged(error);
      });
      if (crc32(bytes) !== entry.crc32) throw damaged();
      return bytes;
    },
    close: () => zip.close(),
  };
}
