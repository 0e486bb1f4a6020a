import { join } from 'node:path';
import { isExpectedError } from '../expected-error.ts';
import { gunzipFile } from './archive.ts';
import { download } from './download.ts';
import type { DatasetSource, SourceContext } from './source.ts';

/** A file of which `<name>.gz` is published. Size and MD5 are those of the `.gz`. */
export interface GzippedFile {
  readonly name: string;
  readonly bytes: number;
  readonly md5: string;
}

/** Gzipped files, each from the first mirror that has it. A mirror is a URL up to the file name. */
export function gzippedSource(files: readonly GzippedFile[], mirrors: readonly string[]): DatasetSource {
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  return {
    name: 'official',
    where: new URL(mirrors[0]!).host,
    downloadBytes: total,
    scratchBytes: total,
    async *files(context) {
      const task = `downloading ${files.length} files`;
      let before = 0;
      for (const file of files) {
        await downloadFromAny(mirrors, file, context, (received) =>
          context.onProgress({ kind: 'task', task, done: before + received, total, unit: 'bytes' }),
        );
        before += file.bytes;
      }
      for (const { name } of files) yield { name, bytes: await gunzipFile(partOf(name, context)) };
    },
  };
}

async function downloadFromAny(
  mirrors: readonly string[],
  { name, bytes, md5 }: GzippedFile,
  context: SourceContext,
  onProgress: (received: number) => void,
): Promise<void> {
  const { signal } = context;
  const to = partOf(name, context);
  for (const [i, mirror] of mirrors.entries()) {
    try {
      return await download({ url: `${mirror}${name}.gz`, to, bytes, md5, signal, onProgress });
    } catch (error) {
      if (!isExpectedError(error) || i === mirrors.length - 1) throw error;
    }
  }
}

function partOf(name: string, { workspace }: SourceContext): string {
  return join(workspace, `${name}.gz.part`);
}
