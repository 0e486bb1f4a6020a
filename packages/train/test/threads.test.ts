import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Engine } from '../src/runtime/engine.ts';

/**
 * In a process of its own, because a WebAssembly runtime keeps the thread pool of its first session. It imports the
 * built package, which `npm test` builds first: Node 20 cannot run TypeScript.
 */
async function run(
  engine: Engine,
  threads: number,
  model: string,
): Promise<{ threads: number; hash: string }> {
  const script = fileURLToPath(new URL('threads-run.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, engine, String(threads), model]);
  return JSON.parse(stdout);
}

test.each<[Engine, string]>([
  ['native', 'ResNet-8'],
  ['wasm', 'ResNet-8'],
  ['native', 'perceptron'],
  ['wasm', 'perceptron'],
])('%s: one thread and two give the same weights of a %s, bit for bit', async (engine, model) => {
  const [one, two] = [await run(engine, 1, model), await run(engine, 2, model)];
  expect(one.hash).toMatch(/^[0-9a-f]{32}$/);
  expect(two.hash).toBe(one.hash);
});

test('two threads update a large model where ONNX Runtime sees their memory, and one a small model', async () => {
  const { threads } = await run('wasm', 2, 'perceptron');
  expect(threads).toBe(2);
  const small = await run('wasm', 2, 'ResNet-8');
  expect(small.threads).toBe(1);
  // onnxruntime-node sees it from Node 24 on.
  const native = await run('native', 2, 'perceptron');
  expect(native.threads).toBe(Number.parseInt(process.versions.node, 10) >= 24 ? 2 : 1);
});
