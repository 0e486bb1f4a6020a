import { describe, expect, test } from 'vitest';
import { focalLoss, sigmoidCrossEntropy } from '../../src/autodiff/binary-loss.ts';
import { huberLoss } from '../../src/autodiff/loss.ts';
import { diceLoss, tverskyLoss } from '../../src/autodiff/overlap-loss.ts';
import { constant, createGraph, input, output, type Value } from '../../src/onnx/graph.ts';
import { createSession } from '../../src/runtime/session.ts';
import { interpret } from './float64-interpreter.ts';
import { checkOperator } from './operator-check.ts';

const logits = { shape: [2, 1, 3, 4], low: -3, high: 3 };
/** Masks of which one is empty, as most MRI slices have. */
const masks = (x: Value) =>
  constant(
    x.graph,
    Float32Array.from({ length: 24 }, (_, i) => +(i < 12 && i % 3 === 0)),
    x.shape,
  );

const losses: [string, (x: Value, targets: Value) => Value][] = [
  ['sigmoidCrossEntropy', (x, t) => sigmoidCrossEntropy(x, t)],
  ['sigmoidCrossEntropy, positives three times', (x, t) => sigmoidCrossEntropy(x, t, { positiveWeight: 3 })],
  ['focalLoss', (x, t) => focalLoss(x, t)],
  ['focalLoss, gamma 1', (x, t) => focalLoss(x, t, { alpha: 0.6, gamma: 1 })],
  ['focalLoss, gamma 0', (x, t) => focalLoss(x, t, { gamma: 0 })],
  ['diceLoss', (x, t) => diceLoss(x, t)],
  ['diceLoss of each sample', (x, t) => diceLoss(x, t, { per: 'sample', smooth: 0.5 })],
  ['tverskyLoss', (x, t) => tverskyLoss(x, t, { alpha: 0.3, beta: 0.7 })],
];
for (const [name, loss] of losses)
  checkOperator({ name, inputs: { logits }, build: ({ logits }) => loss(logits, masks(logits)) });

checkOperator({
  name: 'huberLoss',
  inputs: { prediction: { shape: [4, 5] }, target: { shape: [4, 5] } },
  build: ({ prediction, target }) => huberLoss(prediction, target, { delta: 0.75 }),
});

const lossOf = (build: (x: Value, t: Value) => Value, x: number[], t: number[]) => {
  const graph = createGraph();
  const loss = build(input(graph, 'x', [1, x.length]), input(graph, 't', [1, t.length]));
  return interpret(graph, { x, t }, [loss]).get(loss)!.data[0];
};

describe('values known beforehand', () => {
  test('an empty mask predicted empty has no overlap loss, a full miss has all of it', () => {
    expect(lossOf(diceLoss, [-100, -100], [0, 0])).toBeCloseTo(0, 12);
    expect(lossOf((x, t) => diceLoss(x, t, { smooth: 0 }), [100, -100], [0, 1])).toBeCloseTo(1, 12);
  });

  test('Tversky with weights of one half is Dice, whose smoothing counts once for the pair', () => {
    const dice = lossOf((x, t) => diceLoss(x, t, { smooth: 2 }), [1, -1, 0.5], [1, 0, 0]);
    expect(lossOf((x, t) => tverskyLoss(x, t, { smooth: 1 }), [1, -1, 0.5], [1, 0, 0])).toBeCloseTo(dice, 12);
  });

  test('focal loss with gamma 0 and alpha ½ is half the cross entropy', () => {
    const focal = lossOf((x, t) => focalLoss(x, t, { gamma: 0, alpha: 0.5 }), [2, -1], [1, 1]);
    expect(focal).toBeCloseTo(lossOf(sigmoidCrossEntropy, [2, -1], [1, 1]) / 2, 12);
  });

  test.each(['native', 'wasm'] as const)('cross entropy of sure logits is finite (%s)', async (engine) => {
    const graph = createGraph();
    const x = input(graph, 'x', [4]);
    output(sigmoidCrossEntropy(x, constant(graph, Float32Array.of(1, 0, 1, 0))), 'loss');
    const session = await createSession(graph, { engine });
    const loss = new Float32Array(1);
    const data = Float32Array.of(500, -500, -500, 500);
    await session.run({ x: { data, shape: [4] } }, { loss: { data: loss, shape: [] } });
    await session.release();
    expect(loss[0]).toBe(250);
  });
});

test('wrong shapes and numbers are named', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [2, 1]);
  const t = input(graph, 't', [2]);
  expect(() => sigmoidCrossEntropy(x, t)).toThrow(
    'sigmoidCrossEntropy: expected targets float32 [2,1], as the logits, got float32 [2].',
  );
  expect(() => diceLoss(x, input(graph, 'ids', [2, 1], 'int64'))).toThrow(
    'diceLoss: expected targets float32 [2,1], as the logits, got int64 [2,1].',
  );
  expect(() => sigmoidCrossEntropy(x, x, { positiveWeight: 0 })).toThrow(
    'sigmoidCrossEntropy: expected `positiveWeight` to be a finite number > 0, got 0.',
  );
  expect(() => focalLoss(x, x, { gamma: 0.5 })).toThrow(
    'focalLoss: expected `gamma` to be 0 or a finite number >= 1, got 0.5.',
  );
  expect(() => focalLoss(x, x, { alpha: 2 })).toThrow(
    'focalLoss: expected `alpha` to be a number from 0 to 1, got 2.',
  );
  expect(() => tverskyLoss(x, x, { beta: -1 })).toThrow(
    'tverskyLoss: expected `beta` to be a finite number >= 0, got -1.',
  );
  expect(() => diceLoss(x, x, { per: 'image' as never })).toThrow(
    "diceLoss: expected `per` to be 'batch' or 'sample', got 'image'.",
  );
  expect(() => huberLoss(x, t)).toThrow('huberLoss: expected a target of shape [2,1], got [2].');
  expect(() => huberLoss(x, x, { delta: 0 })).toThrow(
    'huberLoss: expected `delta` to be a finite number > 0, got 0.',
  );
});
