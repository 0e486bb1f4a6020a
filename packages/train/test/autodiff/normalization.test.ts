import { describe, expect, test } from 'vitest';
import { add, mul } from '../../src/autodiff/arithmetic.ts';
import { softmaxCrossEntropy } from '../../src/autodiff/cross-entropy.ts';
import { layerNorm, rmsNorm } from '../../src/autodiff/layer-norm.ts';
import { meanSquaredError } from '../../src/autodiff/loss.ts';
import { batchNorm, batchNormInference } from '../../src/autodiff/normalization.ts';
import { reduceSum } from '../../src/autodiff/reduction.ts';
import { constant, createGraph, input } from '../../src/onnx/graph.ts';
import { checkOperator } from './operator-check.ts';

const channel = { shape: [3] };

describe('normalization', () => {
  for (const shape of [
    [2, 3, 2, 2],
    [4, 3],
  ]) {
    const inputs = { x: { shape }, scale: channel, bias: channel };
    checkOperator({
      name: `batchNorm of [${shape}]`,
      inputs,
      build: ({ x, scale, bias }) => batchNorm(x, scale, bias).y,
    });
    checkOperator({
      name: `batchNorm of [${shape}] with its statistics`,
      inputs,
      build: ({ x, scale, bias }) => Object.values(batchNorm(x, scale, bias, { eps: 1e-3 })),
    });
  }
  checkOperator({
    name: 'batchNormInference',
    inputs: {
      x: { shape: [2, 3, 2, 2] },
      scale: channel,
      bias: channel,
      mean: channel,
      variance: { shape: [3], low: 0.3, high: 2 },
    },
    build: ({ x, scale, bias, mean, variance }) => batchNormInference(x, scale, bias, mean, variance),
  });
  checkOperator({
    name: 'layerNorm over the last axis',
    inputs: { x: { shape: [2, 2, 5] }, scale: { shape: [5] }, bias: { shape: [5] } },
    build: ({ x, scale, bias }) => layerNorm(x, scale, bias),
  });
  checkOperator({
    name: 'layerNorm over two axes',
    inputs: { x: { shape: [3, 2, 4] }, scale: { shape: [2, 4] }, bias: { shape: [2, 4] } },
    build: ({ x, scale, bias }) => layerNorm(x, scale, bias, { eps: 1e-2 }),
  });
  checkOperator({
    name: 'rmsNorm over the last axis',
    inputs: { x: { shape: [2, 3, 5] }, scale: { shape: [5] } },
    build: ({ x, scale }) => rmsNorm(x, scale),
  });
  checkOperator({
    name: 'rmsNorm over two axes',
    inputs: { x: { shape: [3, 2, 4] }, scale: { shape: [2, 4] } },
    build: ({ x, scale }) => rmsNorm(x, scale, { eps: 1e-2 }),
  });
});

describe('losses', () => {
  const logits = { shape: [4, 5], low: -3, high: 3 };
  checkOperator({
    name: 'softmaxCrossEntropy with class indices',
    inputs: { logits, labels: { shape: [4], indicesBelow: 5 } },
    build: ({ logits, labels }) => softmaxCrossEntropy(logits, labels),
  });
  checkOperator({
    name: 'softmaxCrossEntropy scaled',
    inputs: { logits, labels: { shape: [4], indicesBelow: 5 } },
    build: ({ logits, labels }) => mul(softmaxCrossEntropy(logits, labels), 3),
  });
  for (const options of [
    { ignoreIndex: 2 },
    { labelSmoothing: 0.1 },
    { ignoreIndex: 0, labelSmoothing: 0.2 },
  ])
    checkOperator({
      name: `softmaxCrossEntropy of sequences, ${JSON.stringify(options)}`,
      inputs: { logits: { shape: [2, 3, 5], low: -3, high: 3 }, labels: { shape: [2, 3], indicesBelow: 5 } },
      build: ({ logits, labels }) => softmaxCrossEntropy(logits, labels, options),
    });
  checkOperator({
    name: 'softmaxCrossEntropy with a padding mark that is no class',
    inputs: { logits },
    build: ({ logits }) => {
      const labels = constant(logits.graph, Int32Array.of(3, -1, 0, -1));
      return softmaxCrossEntropy(logits, labels, { ignoreIndex: -1, labelSmoothing: 0.1 });
    },
  });
  checkOperator({
    name: 'softmaxCrossEntropy where every label is ignored',
    inputs: { logits },
    build: ({ logits }) => {
      const labels = constant(logits.graph, BigInt64Array.of(7n, 7n, 7n, 7n));
      return add(softmaxCrossEntropy(logits, labels, { ignoreIndex: 7 }), reduceSum(logits));
    },
  });
  checkOperator({
    name: 'softmaxCrossEntropy with smoothed probabilities',
    inputs: { logits: { shape: [2, 3] } },
    build: ({ logits }) =>
      softmaxCrossEntropy(logits, constant(logits.graph, Float32Array.of(0, 1, 0, 0.5, 0.25, 0.25), [2, 3]), {
        labelSmoothing: 0.3,
      }),
  });
  checkOperator({
    name: 'softmaxCrossEntropy with probabilities, not all of which add to 1',
    inputs: { logits: { shape: [2, 3] } },
    build: ({ logits }) =>
      softmaxCrossEntropy(logits, constant(logits.graph, Float32Array.of(0, 1, 0, 0.5, 0.25, 0.125), [2, 3])),
  });
  checkOperator({
    name: 'meanSquaredError',
    inputs: { prediction: { shape: [3, 2] }, target: { shape: [3, 2] } },
    build: ({ prediction, target }) => meanSquaredError(prediction, target),
  });
});

test('wrong shapes are named', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [2, 3, 4, 4]);
  const scale = input(graph, 'scale', [3]);
  const four = input(graph, 'four', [4]);
  const row = input(graph, 'row', [1, 3]);
  const labels = input(graph, 'labels', [2], 'int64');
  expect(() => batchNorm(x, scale, four)).toThrow('batchNorm: expected bias of shape [3], got [4].');
  expect(() => batchNorm(four, four, four)).toThrow(
    'batchNorm: expected an input of shape [N, C, ...], got [4].',
  );
  expect(() => batchNorm(row, scale, scale)).toThrow(
    'batchNorm: expected at least 2 elements a channel, got 1 in shape [1,3]. Use a larger batch.',
  );
  expect(() => layerNorm(x, scale, scale)).toThrow(
    'layerNorm: expected scale and bias of the last axes of [2,3,4,4], got [3] and [3].',
  );
  expect(() => rmsNorm(x, scale)).toThrow('rmsNorm: expected scale of the last axes of [2,3,4,4], got [3].');
  expect(() => softmaxCrossEntropy(row, row, { labelSmoothing: 1 })).toThrow(
    new RangeError('softmaxCrossEntropy: expected `labelSmoothing` to be a number >= 0 and < 1, got 1.'),
  );
  expect(() => meanSquaredError(row, scale)).toThrow(
    'meanSquaredError: expected a target of shape [1,3], got [3].',
  );
  expect(() => softmaxCrossEntropy(row, labels)).toThrow(
    'softmaxCrossEntropy: expected logits [..., C] with labels int64 or int32 [...] or float32 [..., C], got [1,3] with int64 [2].',
  );
});
