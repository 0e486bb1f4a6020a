import { describe, expect, test } from 'vitest';
import { chain, momentum, znorm } from 'znorm';
import { classification } from '../src/classification.ts';
import { resnet } from '../src/models/resnet.ts';
import { type ProfileOptions, profileSteps } from '../src/profile.ts';

const batchSize = 4;
const options: ProfileOptions = {
  objective: classification({ model: resnet({ depth: 8, classes: 10 }), input: { shape: [3, 32, 32] } }),
  optimizer: chain(znorm(), momentum({ learningRate: 0.1 })),
  batchSize,
  batchAt: (step) => ({
    inputs: Float32Array.from({ length: batchSize * 3072 }, (_, i) => Math.sin(i + step)),
    labels: Int32Array.from({ length: batchSize }, (_, i) => i % 10),
  }),
};

describe('the profile of a step', () => {
  const profile = profileSteps({ ...options, steps: 4, warmup: 1 });

  test('gives all but a tenth of the operators’ time to layers, forward and backward', async () => {
    const { parts } = await profile;
    const total = (phases: readonly string[]) =>
      parts.filter(({ phase }) => phases.includes(phase)).reduce((sum, part) => sum + part.milliseconds, 0);
    // ONNX Runtime adds a transposition and copies of results; the rest are nodes of ours, whatever it made of them.
    expect(total(['runtime'])).toBeLessThan(0.1 * total(['forward', 'backward']));
    expect(total(['forward'])).toBeGreaterThan(0);
    expect(total(['backward'])).toBeGreaterThan(0);
  });

  test('has a convolution in both phases of each convolution layer', async () => {
    const { parts } = await profile;
    const layers = (wanted: string) =>
      new Set(
        parts
          .filter(({ phase, operator }) => phase === wanted && operator.includes('Conv'))
          .map(({ layer }) => layer),
      );
    const convolutions = [
      'stem/conv',
      ...['stage1/block0', 'stage2/block0', 'stage3/block0'].flatMap((block) => [
        `${block}/conv1/conv`,
        `${block}/conv2/conv`,
      ]),
      'stage2/block0/shortcut/conv',
      'stage3/block0/shortcut/conv',
    ];
    for (const layer of convolutions) {
      expect(layers('forward')).toContain(layer);
      expect(layers('backward')).toContain(layer);
    }
  });

  test('adds up to no more than the step, of which the update is a part', async () => {
    const { parts, milliseconds, steps } = await profile;
    expect(steps).toBe(4);
    expect(parts.reduce((sum, part) => sum + part.milliseconds, 0)).toBeLessThanOrEqual(milliseconds);
    expect(parts.filter(({ phase }) => phase === 'update')).toEqual([
      { phase: 'update', layer: '', operator: 'fused', milliseconds: expect.any(Number), count: 1 },
    ]);
  });

  test('counts operators by step: the loss has one logarithm of the softmax', async () => {
    const { parts } = await profile;
    const [softmax] = parts.filter(({ operator }) => operator === 'LogSoftmax');
    expect(softmax).toMatchObject({ phase: 'forward', layer: 'loss', count: 1 });
  });

  test('is not taken with options it does not know', async () => {
    await expect(profileSteps({ ...options, engine: 'wasm' } as ProfileOptions)).rejects.toThrow(
      /unknown option/,
    );
  });
});
