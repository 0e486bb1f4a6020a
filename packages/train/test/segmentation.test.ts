import { expect, test } from 'vitest';
import { momentum } from 'znorm';
import { convolution } from '../src/layers/convolution.ts';
import { segmentation } from '../src/segmentation.ts';
import { createTrainer } from '../src/trainer.ts';

const model = convolution({ filters: 1, kernelSize: 1 });

test('segmentation counts pixels by what they are in the mask, gives logits, and learns', async () => {
  const trainer = await createTrainer({
    objective: segmentation({ model, input: { shape: [1, 2, 3] } }),
    optimizer: momentum({ learningRate: 1 }),
    batchSize: 1,
    engine: 'wasm',
  });
  trainer.parameters[0].data[0] = 1;
  const images = Float32Array.of(3, 2, -1, -2, 1, -3);
  const masks = Float32Array.of(1, 0, 1, 0, 1, 0);
  const { counts, loss } = await trainer.evaluate({ images, masks });
  expect(counts).toEqual({ truePositives: 2, falsePositives: 1, falseNegatives: 1 });
  expect([...(await trainer.predict({ images })).logits.data]).toEqual([...images]);
  // Mean of log(1 + eˣ) − t·x, and 1 − (2 Σpt + 1)/(Σp + Σt + 1).
  const p = [...images].map((x) => 1 / (1 + Math.exp(-x)));
  const entropy = p.reduce((sum, q, i) => sum - Math.log(masks[i] ? q : 1 - q), 0) / 6;
  const hits = p.reduce((sum, q, i) => sum + q * masks[i], 0);
  const size = p.reduce((sum, q) => sum + q, 3);
  expect(loss).toBeCloseTo(entropy + 1 - (2 * hits + 1) / (size + 1), 5);
  for (let i = 0; i < 20; i++) await trainer.step({ images, masks });
  expect((await trainer.evaluate({ images, masks })).loss).toBeLessThan(loss);
  await trainer.dispose();
});

test('a model of another size is refused', async () => {
  const objective = segmentation({
    model: convolution({ filters: 2, kernelSize: 1 }),
    input: { shape: [1, 4, 4] },
  });
  await expect(
    createTrainer({ objective, optimizer: momentum({ learningRate: 1 }), batchSize: 2 }),
  ).rejects.toThrow(
    new RangeError(
      'segmentation: expected a model that gives [2,1,4,4] for images of shape [2,1,4,4], got [2,2,4,4].',
    ),
  );
});
