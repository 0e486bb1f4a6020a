import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../../../examples/jax-mlp/train.mjs', import.meta.url));

it('the jax-js example learns from a thousand digits', async () => {
  const options = ['--images', '1000', '--epochs', '3'];
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...options]);
  const epochs = [...stdout.matchAll(/^epoch \d: loss ([\d.]+), accuracy ([\d.]+)$/gm)];
  const losses = epochs.map(([, loss]) => Number(loss));
  expect(losses).toHaveLength(3);
  expect(losses[2]).toBeLessThan(0.5 * losses[0]);
  // Guessing gives 0.1.
  expect(Number(epochs[2][2])).toBeGreaterThan(0.8);
}, 120_000);
