import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { didYouMean } from '../did-you-mean.ts';
import { badInput, type ExpectedError, failure, isExpectedError } from '../expected-error.ts';
import { byteSize } from './byte-size.ts';
import {
  cacheRoot,
  cacheState,
  datasetFolder,
  type MarkerEntry,
  publishFile,
  verifyFiles,
  writeMarker,
} from './cache.ts';
import { checksum } from './checksum.ts';
import { type FetchableDataset, sizeOnDisk } from './dataset-definition.ts';
import { explainDiskError, isDiskError, requireSpace } from './disk-error.ts';
import type { DatasetSource, FetchProgress, SourceContext, SourceProgress } from './source.ts';
import { userSource } from './user-source.ts';
import { claimWorkspace, discardWorkspaces, releaseWorkspace } from './workspace.ts';

export interface FetchOptions {
  /** Folder of all data sets. @default ZNORM_CACHE, $XDG_CACHE_HOME/znorm or ~/.cache/znorm */
  readonly cache?: string | undefined;
  /** A folder or archive to take the data from, instead of the cache and the network. */
  readonly from?: string | undefined;
  /** The one source to use, by name. @default all, in the order of the definition */
  readonly source?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
}

export interface FetchedDataset {
  readonly folder: string;
  /** Where the files came from: `cache`, the name of a source, or the path a person named. */
  readonly source: string;
}

/**
 * Brings a data set into the cache: the path a person named, else what the cache already holds, else the sources in
 * their order, each only if those before it failed. Every file is compared with its checksum before it gets its name,
 * so a cache never holds a file that is wrong, whatever happens in between and however many processes fetch at once.
 *
 * @throws an expected error that says what failed and what to do next
 */
export async function fetchDataset(
  definition: FetchableDataset,
  options: FetchOptions = {},
): Promise<FetchedDataset> {
  const { name } = definition;
  const { signal } = options;
  const onProgress = (progress: SourceProgress) => options.onProgress?.({ dataset: name, ...progress });
  const cache = cacheRoot(options.cache);
  const folder = datasetFolder(definition, cache);
  const sources = chooseSources(definition, options);
  const isComplete =
    options.from === undefined && (await isCached(definition, cache, { signal, onProgress }));
  if (isComplete) return { folder, source: 'cache' };

  let workspace: string | undefined;
  try {
    await requireSpace(
      name,
      folder,
      sizeOnDisk(definition) + Math.min(...sources.map((s) => s.scratchBytes)),
    );
    workspace = await claimWorkspace(folder);
    const source = await firstThatDelivers(definition, sources, folder, { workspace, signal, onProgress });
    await discardWorkspaces(folder, workspace);
    return { folder, source: source.name === 'from' ? source.where : source.name };
  } catch (error) {
    if (workspace !== undefined) await releaseWorkspace(workspace).catch(() => {});
    throw isDiskError(error) ? explainDiskError(name, folder, error) : error;
  }
}

/** The sources a person left open, in order. */
function chooseSources(
  definition: FetchableDataset,
  { from, source }: FetchOptions,
): readonly DatasetSource[] {
  if (from !== undefined) return [userSource(definition, resolve(from))];
  if (source === undefined) return definition.sources;
  const chosen = definition.sources.filter((candidate) => candidate.name === source);
  if (chosen.length > 0) return chosen;
  const names = definition.sources.map((candidate) => candidate.name);
  const hint = didYouMean(source, names) || ` Its sources: ${names.join(', ')}.`;
  throw badInput(`${definition.name}: unknown source '${source}'.${hint}`);
}

async function isCached(
  definition: FetchableDataset,
  cache: string,
  { signal, onProgress }: Pick<SourceContext, 'signal' | 'onProgress'>,
): Promise<boolean> {
  if ((await cacheState(definition, cache)) === 'missing') return false;
  const verdicts = Object.entries(await verifyFiles(definition, cache, { signal }));
  for (const [file, verdict] of verdicts) {
    if (verdict === 'mismatch') {
      onProgress({ kind: 'note', text: `${file} does not match its checksum. Fetching it again.` });
    }
  }
  return verdicts.every(([, verdict]) => verdict === 'ok');
}

async function firstThatDelivers(
  definition: FetchableDataset,
  sources: readonly DatasetSource[],
  folder: string,
  context: SourceContext,
): Promise<DatasetSource> {
  const failures: { source: DatasetSource; error: ExpectedError }[] = [];
  for (const [i, source] of sources.entries()) {
    try {
      await deliver(definition, source, folder, context);
      return source;
    } catch (error) {
      // Only what this source did wrong leads on to the next: not a full disk, an interruption, or a bug.
      context.signal?.throwIfAborted();
      if (!isExpectedError(error)) throw error;
      failures.push({ source, error });
      const next = sources[i + 1];
      if (next !== undefined) {
        context.onProgress({ kind: 'note', text: `${error.message}.` });
        context.onProgress({ kind: 'note', text: `trying ${next.where} (${byteSize(next.downloadBytes)}).` });
      }
    }
  }
  throw allFailed(definition, failures);
}

/** Has one source deliver all files into the workspace, checks each, and moves them to their place together. */
async function deliver(
  definition: FetchableDataset,
  source: DatasetSource,
  folder: string,
  context: SourceContext,
): Promise<void> {
  const awaited = new Map(definition.files.map((file) => [file.name, file]));
  const total = definition.files.length;
  const report = () => {
    const done = total - awaited.size;
    context.onProgress({ kind: 'task', task: 'unpacking and checking', done, total, unit: 'files' });
  };
  const onProgress = (progress: SourceProgress) => {
    context.onProgress(progress);
    // The source has all it needs; unpacking it may take a while before the first file comes out.
    if (progress.kind === 'task' && progress.done === progress.total) report();
  };
  for await (const { name, bytes } of source.files({ ...context, onProgress })) {
    context.signal?.throwIfAborted();
    const file = awaited.get(name);
    if (file === undefined) continue;
    if (bytes.length !== file.bytes || checksum('sha1', bytes) !== file.sha1) {
      throw failure(`${name} from ${source.where} does not match its checksum`);
    }
    await writeFile(join(context.workspace, name), bytes);
    awaited.delete(name);
    report();
  }
  const [missing] = awaited.keys();
  if (missing !== undefined) throw failure(`${source.where} does not hold ${missing}`);

  const marker: Record<string, MarkerEntry> = {};
  for (const file of definition.files) marker[file.name] = await publishFile(file, context.workspace, folder);
  await writeMarker(folder, marker);
}

function allFailed(
  { name, homepage, archive }: FetchableDataset,
  failures: readonly { source: DatasetSource; error: ExpectedError }[],
): ExpectedError {
  const [first] = failures;
  const options = { cause: first?.error };
  if (first?.source.name === 'from') {
    const files = `the official files (${archive === undefined ? '' : `${archive}, `}${homepage})`;
    return first.error.code === 'bad-input'
      ? badInput(`${name}: ${first.error.message}. Name a folder or archive of ${files}.`, options)
      : failure(`${name}: ${first.error.message}. Get an intact copy of ${files}.`, options);
  }
  const reasons = failures.map(({ source, error }) => `\n  ${source.name}: ${error.message}.`).join('');
  return failure(
    `${name}: could not be fetched.${reasons}\n` +
      `Run \`znorm data get ${name}\` again when the network is back, or bring the files\n` +
      `from ${homepage} and run \`znorm data get ${name} --from PATH\`.`,
    options,
  );
}
