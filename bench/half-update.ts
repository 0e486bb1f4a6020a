// A thread that has a part of the tensors, and updates them when asked.
import { parentPort, workerData } from 'node:worker_threads';
import { adamw, chain, znorm } from 'znorm';
import { largeTensors, ownRivals } from './own-rivals.ts';

const { update, copy } = await ownRivals(largeTensors(workerData), { update: chain(znorm(), adamw()) });
parentPort!.on('message', async (request: 'update' | 'update and copy') => {
  // Gradients in, parameters out: as many elements twice.
  if (request === 'update and copy') await copy.measure(2);
  await update.measure(1);
  parentPort!.postMessage('done');
});
