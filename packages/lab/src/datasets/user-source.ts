import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../expected-error.ts';
import { gunzipFile, unpackArchive } from './archive.ts';
import type { FetchableDataset } from './dataset-definition.ts';
import type { DatasetSource, NamedBytes, SourceContext } from './source.ts';

/** Folders below the one named that are looked into: torchvision, for one, keeps MNIST in `MNIST/raw/`. */
const DEPTH = 2;

/**
 * A folder or an archive that a person has: the files as they are or gzipped, a `.tar.gz` of them, or a folder with
 * that archive in it.
 */
export function userSource(definition: FetchableDataset, path: string): DatasetSource {
  const names = definition.files.map((file) => file.name);
  const isWanted = (name: string) => names.includes(name) || names.includes(name.replace(/\.gz$/, ''));

  async function* files(context: SourceContext): AsyncGenerator<NamedBytes> {
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) throw badInput(`there is nothing at ${path}`);
    if (info.isFile()) return yield* archiveFiles(path, context);
    const found = await findFiles(path, DEPTH);
    const archive = definition.archive === undefined ? undefined : found.get(definition.archive);
    if (archive !== undefined && !names.some((name) => found.has(name))) {
      return yield* archiveFiles(archive, context);
    }
    yield* plainFiles(found, path, false);
  }

  async function* archiveFiles(
    archive: string,
    { workspace, signal }: SourceContext,
  ): AsyncGenerator<NamedBytes> {
    const folder = join(workspace, 'unpacked');
    await mkdir(folder);
    await unpackArchive(archive, folder, isWanted, signal);
    yield* plainFiles(await findFiles(folder, 0), archive, true);
  }

  async function* plainFiles(
    found: ReadonlyMap<string, string>,
    where: string,
    consume: boolean,
  ): AsyncGenerator<NamedBytes> {
    for (const name of names) {
      const plain = found.get(name);
      const file = plain ?? found.get(`${name}.gz`);
      if (file === undefined) {
        const archive = definition.archive === undefined ? '' : `, nor ${definition.archive}`;
        throw badInput(`${where} does not hold ${name}${archive}`);
      }
      yield { name, bytes: plain === undefined ? await gunzipFile(file) : await readFile(file) };
      if (consume) await rm(file); // Keeps what lies on the disk at one time small.
    }
  }

  return { name: 'from', where: path, downloadBytes: 0, scratchBytes: 0, files };
}

/** File name → path, of the files in a folder and `depth` levels below it; the one nearest to the top wins. */
async function findFiles(folder: string, depth: number): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isDirectory()) found.set(entry.name, join(folder, entry.name));
  }
  for (const entry of depth > 0 ? entries.filter((candidate) => candidate.isDirectory()) : []) {
    for (const [name, path] of await findFiles(join(folder, entry.name), depth - 1)) {
      if (!found.has(name)) found.set(name, path);
    }
  }
  return found;
}
