import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { download } from './download.ts';
import type { DatasetSource } from './source.ts';

/** A file that is published as it is. */
export interface PlainFile {
  readonly name: string;
  readonly bytes: number;
  readonly md5: string;
}

/** Files as they are published, below one URL that ends in a slash. */
export function plainSource(files: readonly PlainFile[], below: string): DatasetSource {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    name: 'official',
    where: new URL(below).host,
    downloadBytes: total,
    scratchBytes: total,
    async *files({ workspace, signal, onProgress }) {
      const task = files.length === 1 ? 'downloading' : `downloading ${files.length} files`;
      let before = 0;
      for (const { name, bytes, md5 } of files) {
        const to = join(workspace, `${name}.part`);
        const tell = (received: number) =>
          onProgress({ kind: 'task', task, done: before + received, total, unit: 'bytes' });
        await download({ url: `${below}${name}`, to, bytes, md5, signal, onProgress: tell });
        before += bytes;
        yield { name, bytes: await readFile(to) };
      }
    },
  };
}
