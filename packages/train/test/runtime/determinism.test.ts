import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** Hashes of loss and gradients in three runs of one session, and the squared norm of each. */
function step(engine: string, threads: number): { digests: string[]; squares: number[] } {
  const script = fileURLToPath(new URL('./step-digest.mjs', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [script, engine, String(threads)], { encoding: 'utf8' }));
}

describe.each(['native', 'wasm'])('%s', (engine) => {
  test('gradients are the same bits in every run and every process, on 1 and 2 threads', () => {
    const all = [step(engine, 1), step(engine, 2), step(engine, 2)];
    expect(new Set(all.flatMap(({ digests }) => digests)).size).toBe(1);
    // A step that computed nothing would be the same bits too.
    for (const square of all[0].squares) expect(square).toBeGreaterThan(1e-12);
  });
});
