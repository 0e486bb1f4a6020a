import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { drawnDigits } from '../drawn-digits.ts';
import { killAfterTest, startZnorm } from '../znorm-command.ts';

const { root, cache, remove } = drawnDigits();
afterAll(remove);
afterEach(() => vi.restoreAllMocks());

describe('znorm train refuses', () => {
  test.each([
    ['--method baseline,znorm', "train: expected `--method` to be one method, got 'baseline,znorm'."],
    ['--method znrom', "train: unknown method 'znrom'. Did you mean 'znorm'?"],
    ['--seed -1', 'train: expected `--seed` to be a whole number >= 0, got -1.'],
    ['--seed=', 'train: expected `--seed` to be a whole number >= 0, got nothing.'],
    ['--epochs 0', 'train: expected `--epochs` to be a whole number >= 1, got 0.'],
    ['--steps 3', 'train: expected `--steps` with --profile, got it without.'],
    [
      '--profile --epochs 3',
      'train: expected `--epochs` without --profile, got both. A profile takes no whole run.',
    ],
    [
      '--profile --engine wasm',
      'train: expected `--engine` to be native for --profile, got wasm. ONNX Runtime writes no profile in WebAssembly.',
    ],
  ])('%s', async (typed, message) => {
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        written[name] += text;
        return true;
      });
    }
    const status = await main(['train', ...typed.split(' ')]);
    expect({ status, ...written }).toEqual({ status: 2, stdout: '', stderr: `${message}\n` });
  });
});

const small = '--task mnist --model mlp --train-size 320 --validation-size 64 --test-size 64'.split(' ');

/** As a shell would run it, on drawn digits. */
async function train(...args: string[]) {
  const { child, ended } = startZnorm(['train', ...small, ...args], { cwd: root, cache });
  killAfterTest(child);
  return ended;
}

describe('znorm train', () => {
  test('trains once, says each epoch on standard error, and gives the result as JSON', async () => {
    const { status, stdout, stderr } = await train('--epochs', '3', '--seed', '5', '--out', 'five', '--json');
    expect(status).toBe(0);
    const { folder, config, test: measured } = JSON.parse(stdout);
    expect(folder).toBe('five');
    expect(config).toMatchObject({ task: 'mnist', model: 'mlp', method: 'znorm', seed: 5, epochs: 3 });
    // Ten patches under noise: three epochs are plenty, and chance is 0.1.
    expect(measured.accuracy).toBeGreaterThan(0.5);
    expect(stderr).toMatch(/^znorm and adam on mnist with mlp, seed 5\n/);
    for (const line of stderr.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  }, 60_000);

  test('gives the same result again', async () => {
    const losses = ['a', 'b'].map(async (out) => {
      const { stdout } = await train('--epochs', '1', '--out', out, '--json');
      return JSON.parse(stdout).validation.loss;
    });
    const [first, second] = await Promise.all(losses);
    expect(first).toBe(second);
  }, 60_000);

  test('--profile tells phases, operators and layers in at most 80 columns', async () => {
    const { status, stdout } = await train('--profile', '--steps', '2');
    expect(status).toBe(0);
    for (const line of stdout.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^znorm and adam on mnist with mlp, batch 32, \d+ threads$/m);
    for (const name of ['forward', 'backward', 'update', 'between operators', 'Gemm', 'loss']) {
      expect(stdout).toMatch(new RegExp(`^${name} +\\d+\\.\\d\\d`, 'm'));
    }
  }, 60_000);

  test('--profile --json holds every part', async () => {
    const { stdout } = await train('--profile', '--steps', '2', '--json');
    const { steps, parts, milliseconds, config } = JSON.parse(stdout);
    expect([steps, config.method]).toEqual([2, 'znorm']);
    const phases = new Set(parts.map(({ phase }: { phase: string }) => phase));
    for (const phase of ['forward', 'backward', 'update']) expect(phases).toContain(phase);
    const sum = parts.reduce((total: number, part: { milliseconds: number }) => total + part.milliseconds, 0);
    expect(sum).toBeLessThanOrEqual(milliseconds);
  }, 60_000);
});
