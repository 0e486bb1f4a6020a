import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Engine } from '../src/runtime/engine.ts';

/**
 * In a process of its own, because a WebAssembly runtime keeps the thread pool of its first session. It imports the
 * built package, which `npm test` builds first: Node 20 cannot run TypeScript.
 */
async function stateHash(engine: Engine, threads: number): Promise<string> {
  const script = fileURLToPath(new URL('threads-run.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, engine, String(threads)]);
  return stdout.trim();
}

test.each<Engine>(['native', 'wasm'])(
  '%s: one thread and two give the same weights, bit for bit',
  async (engine) => {
    const hashes = [];
    for (const threads of [1, 2]) hashes.push(await stateHash(engine, threads));
    expect(hashes[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(hashes).size).toBe(1);
  },
);
