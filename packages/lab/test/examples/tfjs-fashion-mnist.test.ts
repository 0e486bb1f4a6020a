import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { reachableDataset } from './reachable-dataset.ts';

const script = fileURLToPath(new URL('../../../../examples/tfjs-fashion-mnist/train.mjs', import.meta.url));

it('the TensorFlow.js example learns from a few hundred images, and saves what it has learnt', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'znorm-example-'));
  const options = ['--images', '300', '--epochs', '3', '--save', folder];
  const dataset = ['--dataset', await reachableDataset()];
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...options, ...dataset]);
  const losses = [...stdout.matchAll(/^epoch \d: loss ([\d.]+)/gm)].map(([, loss]) => Number(loss));
  expect(losses).toHaveLength(3);
  expect(losses[2]).toBeLessThan(0.8 * losses[0]);
  // Guessing gives 0.1.
  expect(
    Number(/accuracy of the best epoch's weights: ([\d.]+), 30 steps/.exec(stdout)?.[1]),
  ).toBeGreaterThan(0.3);
  expect((await readdir(folder)).sort()).toEqual(['model', 'optimizer']);
  await rm(folder, { recursive: true });
}, 240_000);
