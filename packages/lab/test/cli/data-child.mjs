// `znorm data …` on a tiny CIFAR-10, in a process of its own that a test can interrupt.
// Arguments: the files and the archive as JSON, then what follows `znorm data`. Built code: Node 20 reads no TypeScript.
import { dataCommand } from '../../dist/cli/data.js';
import { main } from '../../dist/cli/main.js';
import { archiveSource, defineCifar10 } from '../../dist/datasets/cifar10.js';

const [files, archive, ...args] = process.argv.slice(2);
const tiny = defineCifar10(JSON.parse(files), [archiveSource(JSON.parse(archive))]);
process.exitCode = await main(['data', ...args], [dataCommand([tiny])]);
