// A process of its own that fetches a tiny CIFAR-10, to be run beside others and to be killed.
// Arguments: cache, and as JSON the files and the archive. Built code, because Node 20 does not read TypeScript.
import { archiveSource, defineCifar10 } from '../../dist/datasets/cifar10.js';
import { fetchDataset } from '../../dist/datasets/fetch-dataset.js';

const [cache, files, archive] = process.argv.slice(2);
const definition = defineCifar10(JSON.parse(files), [archiveSource(JSON.parse(archive))]);
const { source } = await fetchDataset(definition, {
  cache,
  onProgress: (progress) => progress.kind === 'task' && process.stdout.write(`${progress.done}\n`),
});
process.stdout.write(`from ${source}\n`);
