import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchOptions } from './interleave.ts';
import { startPeer } from './peer.ts';
import { findTorch, startTorch } from './torch.ts';

type Process = Awaited<ReturnType<typeof startPeer>>;

/**
 * Mebibytes that training ResNet-20 at batch 128 takes at its peak, above what the process held with its libraries
 * loaded, in a process of its own: ours and PyTorch's. Undefined without PyTorch, or where there is no /proc.
 */
export async function peakMemory(options: BenchOptions): Promise<{ own: number; torch: number } | undefined> {
  const python = await findTorch(options);
  if (!python || process.platform !== 'linux') return undefined;
  const words = ['resnet20', '128', String(options.threads)];
  const own = await startPeer('znorm', [
    process.execPath,
    join(options.peersFolder, 'own_train.mjs'),
    ...words,
  ]);
  const torch = await startTorch(python, 'torch_train.py', words, options);
  return { own: await growth(own), torch: await growth(torch) };
}

async function growth(peer: Process): Promise<number> {
  const before = await highWater(peer.pid);
  await peer.measure(6);
  const after = await highWater(peer.pid);
  peer.stop();
  return after - before;
}

/** The most memory that a process has had resident so far. */
async function highWater(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024;
}
