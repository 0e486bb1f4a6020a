import { readFile, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { badInput, failure, isExpectedError } from '../expected-error.ts';
import {
  cacheRoot,
  checksumMismatch,
  datasetFolder,
  firstChanged,
  publishFile,
  writeMarker,
} from './cache.ts';
import { checksum } from './checksum.ts';
import type { DatasetFile } from './dataset-definition.ts';
import { explainDiskError, isDiskError, requireSpace } from './disk-error.ts';
import {
  createSampleWriter,
  MANIFEST,
  readManifest,
  type SampleManifest,
  type SampleWriter,
} from './sample-file.ts';
import type { FetchProgress, SourceProgress } from './source.ts';
import { claimWorkspace, discardWorkspaces, releaseWorkspace } from './workspace.ts';

/** A data set that a person brings: no address gives it to a program, or it is cut from one that was brought. */
export interface ImportedDataset {
  /** The name a person types: lower case, no spaces. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  readonly homepage: string;
  /** How much there is of it as published, in words. */
  readonly published: string;
  /** `[channels, height, width]` of one image. */
  readonly shape: readonly [number, number, number];
  readonly target: SampleManifest['target'];
  /** What to bring: `the folder or zip of …`. */
  readonly wanted: string;
  /**
   * Reads what a person brought, one sample at a time. Without a path, it may take what the cache has of another data
   * set, or throw.
   */
  readonly read: (path: string | undefined, into: SampleWriter, context: ImportContext) => Promise<void>;
}

export interface ImportContext {
  /** Folder of all data sets. */
  readonly cache: string;
  /** A private folder on the disk of the cache; it is deleted afterwards. */
  readonly workspace: string;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: SourceProgress) => void;
  /** Leaves a damaged part out if the person wants that. @throws the problem otherwise */
  readonly damaged: (problem: unknown) => void;
}

export interface ImportOptions {
  /** @default ZNORM_CACHE, $XDG_CACHE_HOME/znorm or ~/.cache/znorm */
  readonly cache?: string | undefined;
  /** A folder or archive to read. */
  readonly from?: string | undefined;
  /** Leave damaged samples out, each with a note, instead of stopping at the first. @default false */
  readonly skipDamaged?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
}

/** A data set in the cache. */
export interface CachedSamples {
  readonly folder: string;
  readonly manifest: SampleManifest;
}

/**
 * Reads a data set that a person has into the cache. Finished files appear there together, by renames, so a cache never
 * holds half of one.
 *
 * @throws an expected error that names the file that is wrong and says what to do next
 */
export async function importDataset(
  definition: ImportedDataset,
  options: ImportOptions = {},
): Promise<CachedSamples> {
  const { name, shape, target } = definition;
  const cache = cacheRoot(options.cache);
  const folder = datasetFolder(definition, cache);
  const path = options.from === undefined ? undefined : resolve(options.from);
  const onProgress = (progress: SourceProgress) => options.onProgress?.({ dataset: name, ...progress });
  const skipped: string[] = [];
  const damaged = (problem: unknown) => {
    if (!isExpectedError(problem) || !options.skipDamaged) throw problem;
    skipped.push(problem.message);
    onProgress({ kind: 'note', text: `${problem.message}. Left out.` });
  };
  let workspace: string | undefined;
  let writer: SampleWriter | undefined;
  try {
    await requireSpace(name, folder, 0);
    workspace = await claimWorkspace(folder);
    writer = await createSampleWriter(workspace, { dataset: name, from: path ?? 'the cache', shape, target });
    const { signal } = options;
    await definition.read(path, writer, { cache, workspace, signal, onProgress, damaged });
    const manifest = await writer.finish(skipped);
    await writer.close();
    if (manifest.count === 0) throw badInput(`${path} holds no sample that can be used`);
    const marker = await Promise.all(
      manifest.files.map(async (file) => [file.name, await publishFile(file, workspace!, folder)] as const),
    );
    await rename(join(workspace, MANIFEST), join(folder, MANIFEST));
    await writeMarker(folder, Object.fromEntries(marker));
    await discardWorkspaces(folder, workspace);
    return { folder, manifest };
  } catch (error) {
    await writer?.close().catch(() => {});
    if (workspace !== undefined) await releaseWorkspace(workspace).catch(() => {});
    options.signal?.throwIfAborted();
    if (isDiskError(error)) throw explainDiskError(name, folder, error);
    throw isExpectedError(error) ? explained(definition, error) : error;
  }
}

function explained({ name, wanted }: ImportedDataset, error: Error & { code: string }) {
  const options = { cause: error };
  return error.code === 'bad-input'
    ? badInput(
        `${name}: ${error.message}. Run \`znorm data get ${name} --from PATH\` with\n${wanted}.`,
        options,
      )
    : failure(
        `${name}: ${error.message}. Bring an intact copy, or pass --skip-damaged to leave it out.`,
        options,
      );
}

/**
 * A data set that has been brought before.
 *
 * @throws an expected error if it has not, or its files are not what they were then
 */
export async function cachedSamples(
  definition: ImportedDataset,
  options: { cache?: string | undefined } = {},
): Promise<CachedSamples> {
  const { name, wanted } = definition;
  const cache = cacheRoot(options.cache);
  const folder = datasetFolder(definition, cache);
  const manifest = readManifest(folder, name);
  if (manifest === undefined)
    throw failure(`${name}: not in the cache. Run \`znorm data get ${name} --from PATH\` with\n${wanted}.`);
  const changed = await firstChanged({ name, files: manifest.files }, cache);
  if (changed !== undefined) throw checksumMismatch(name, changed);
  return { folder, manifest };
}

/** Its files in the cache, the manifest among them; none if it has not been brought. */
export async function broughtFiles(
  definition: Pick<ImportedDataset, 'name'>,
  cache: string,
): Promise<readonly DatasetFile[]> {
  const folder = datasetFolder(definition, cache);
  const manifest = readManifest(folder, definition.name);
  if (manifest === undefined) return [];
  const text = await readFile(join(folder, MANIFEST));
  return [...manifest.files, { name: MANIFEST, bytes: text.length, sha1: checksum('sha1', text) }];
}
