// A thread that copies tensors of its own when asked: a copy on two threads is what a machine's memory can do.
import { parentPort, workerData } from 'node:worker_threads';

const { tensors, elements } = workerData as { tensors: number; elements: number };
const all = () => Array.from({ length: tensors }, () => new Float32Array(elements).fill(1));
const [from, to] = [all(), all()];
parentPort!.on('message', () => {
  for (const [i, tensor] of from.entries()) to[i].set(tensor);
  parentPort!.postMessage('done');
});
