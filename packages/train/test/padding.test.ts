import { describe, expect, test } from 'vitest';
import { sgd } from 'znorm';
import { softmaxCrossEntropy } from '../src/autodiff/cross-entropy.ts';
import { slice } from '../src/autodiff/shape.ts';
import type { InputSpec } from '../src/batch.ts';
import { encoderDecoder } from '../src/models/transformer.ts';
import type { Objective } from '../src/objective.ts';
import { cutPadding, paddingToCut } from '../src/padding.ts';
import { createTrainer } from '../src/trainer.ts';

const length = 16;
const vocabulary = 11;
const model = encoderDecoder({ vocabulary, context: length, layers: 1, heads: 2, width: 16, padding: 0 });

/** Translation of sentences of up to 16 tokens; `built` collects the lengths that graphs are built for. */
function translation(padding: Pick<InputSpec, 'padding'>, built: number[] = []): Objective {
  return {
    inputs: {
      source: { shape: [length], dtype: 'int32', below: vocabulary, ...padding },
      target: { shape: [length + 1], dtype: 'int32', below: vocabulary, ...padding },
    },
    build({ source, target }, scope) {
      built.push(source.shape[1]);
      const before = slice(target, { axis: 1, end: target.shape[1] - 1 });
      const logits = model.decode(before, model.encode(source, scope), source, scope);
      return {
        loss: softmaxCrossEntropy(logits, slice(target, { axis: 1, start: 1 }), { ignoreIndex: 0 }),
      };
    },
  };
}

/** Sentences of these lengths. */
function sentences(lengths: readonly number[]) {
  const rows = (width: number, more: number) =>
    Int32Array.from({ length: lengths.length * width }, (_, i) => {
      const [row, column] = [Math.floor(i / width), i % width];
      return column < lengths[row] + more ? 1 + ((row * 3 + column * column) % (vocabulary - 1)) : 0;
    });
  return { source: rows(length, 0), target: rows(length + 1, 1) };
}

const options = { optimizer: sgd({ learningRate: 0.5 }), batchSize: 3, engine: 'native' } as const;

describe('padding that all samples of a batch share', () => {
  test('is cut off in eighths of the length, the same from every padded input', () => {
    const { inputs } = translation({ padding: 0 });
    const cutOf = (lengths: number[]) => paddingToCut(sentences(lengths), inputs);
    expect([[3, 16, 2], [3, 15, 2], [3, 14, 2], [5, 4, 1], [1], [0]].map(cutOf)).toEqual([
      0, 0, 2, 10, 14, 14,
    ]);
    const { source, target } = cutPadding(sentences([2, 1]), inputs, 14);
    expect([...source]).toEqual([1, 2, 4, 0]);
    expect([...target]).toEqual([1, 2, 5, 4, 5, 0]);
  });

  test('changes neither losses nor steps, and graphs are built for the lengths there are', async () => {
    const lengths: number[] = [];
    const whole = await createTrainer({ objective: translation({}), ...options });
    const cut = await createTrainer({ objective: translation({ padding: 0 }, lengths), ...options });
    for (const batch of [sentences([4, 6, 5]), sentences([16, 2, 9]), sentences([5, 5, 5])]) {
      const expected = (await whole.step(batch)).loss;
      // Sums over fewer zeros may be added in another order.
      expect((await cut.step(batch)).loss).toBeCloseTo(expected, 5);
    }
    expect(lengths).toEqual([16, 6]);
    for (const [i, { data }] of cut.parameters.entries())
      for (const [k, value] of data.entries())
        expect(Math.abs(value - whole.parameters[i].data[k])).toBeLessThan(1e-5);
    const last = sentences([7, 3, 8, 2, 4]);
    expect((await cut.evaluate(last)).loss).toBeCloseTo((await whole.evaluate(last)).loss, 5);
    expect(cut.batchHash).toBe(whole.batchHash);
    await whole.dispose();
    await cut.dispose();
  });

  test('is of tokens only', async () => {
    const objective: Objective = {
      ...translation({}),
      inputs: { source: { shape: [4, 4], padding: 0 }, target: { shape: [length + 1], dtype: 'int32' } },
    };
    await expect(createTrainer({ objective, ...options })).rejects.toThrow(
      new RangeError(
        'createTrainer: expected int32 [length] for the padded input `source`, got float32 [4,4].',
      ),
    );
  });
});
