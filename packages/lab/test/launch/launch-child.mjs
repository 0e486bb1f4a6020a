// A process of its own that launches runs, to be killed. Argument: the jobs as JSON.
// Built code, because Node 20 does not read TypeScript.
import { launch } from '../../dist/launch/local.js';

const queue = JSON.parse(process.argv[2]);
await launch(queue, { jobs: queue.length });
