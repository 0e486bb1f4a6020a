import { describe, expect, test } from 'vitest';
import { type Conv2dOptions, conv2d, convTranspose2d } from '../../src/autodiff/convolution.ts';
import { averagePool2d, globalAveragePool, globalMaxPool, maxPool2d } from '../../src/autodiff/pooling.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';
import { checkOperator } from './operator-check.ts';

/** Every formulation of the gradients, and the edges between them. */
const convolutions: [string, number[], number[], Conv2dOptions][] = [
  ['3×3, padded', [2, 2, 4, 5], [3, 2, 3, 3], { pads: 1 }],
  ['3×3, no padding', [2, 2, 4, 5], [2, 2, 3, 3], {}],
  ['3×3, stride 2, a rest at the far side', [2, 2, 6, 5], [3, 2, 3, 3], { strides: 2, pads: 1 }],
  ['3×3, rows in steps of 2 only', [1, 2, 5, 4], [2, 2, 3, 3], { strides: [2, 1], pads: 1 }],
  ['2×3, pads of four sizes', [1, 2, 4, 4], [2, 2, 2, 3], { pads: [1, 2, 0, 1] }],
  ['pads larger than the kernel reaches', [1, 1, 3, 3], [2, 1, 2, 2], { pads: [2, 2, 1, 3] }],
  ['dilated', [1, 2, 6, 6], [2, 2, 3, 2], { dilations: [2, 3], pads: [2, 1, 2, 2] }],
  ['dilated and strided', [1, 1, 7, 8], [2, 1, 3, 3], { dilations: 2, strides: [2, 3], pads: 2 }],
  ['1×1', [2, 3, 3, 3], [4, 3, 1, 1], {}],
  ['1×1, stride 2', [2, 3, 4, 5], [2, 3, 1, 1], { strides: 2 }],
  ['1×1, padded', [1, 2, 2, 3], [2, 2, 1, 1], { pads: 1 }],
  ['two groups', [2, 4, 4, 4], [6, 2, 3, 3], { group: 2, pads: 1 }],
  ['two groups, 1×1', [2, 4, 3, 3], [2, 2, 1, 1], { group: 2 }],
  ['depthwise, stride 2', [2, 3, 5, 5], [3, 1, 3, 3], { group: 3, strides: 2, pads: 1 }],
  ['depthwise with two filters a channel', [1, 2, 4, 4], [4, 1, 3, 3], { group: 2, pads: 1 }],
];

describe('conv2d', () => {
  for (const [name, x, kernel, options] of convolutions)
    checkOperator({
      name: `conv2d ${name}`,
      inputs: { x: { shape: x }, kernel: { shape: kernel } },
      build: ({ x, kernel }) => conv2d(x, kernel, options),
    });
  checkOperator({
    name: 'conv2d with bias',
    inputs: { x: { shape: [2, 2, 3, 3] }, kernel: { shape: [3, 2, 3, 3] }, bias: { shape: [3] } },
    build: ({ x, kernel, bias }) => conv2d(x, kernel, { pads: 1, bias }),
  });
});

describe('convTranspose2d', () => {
  const x = { shape: [2, 2, 3, 4] };
  checkOperator({
    name: 'convTranspose2d, stride 2',
    inputs: { x, kernel: { shape: [2, 3, 3, 3] } },
    build: ({ x, kernel }) => convTranspose2d(x, kernel, { strides: 2, pads: 1, outputPads: 1 }),
  });
  checkOperator({
    name: 'convTranspose2d, stride 1, groups, bias',
    inputs: { x, kernel: { shape: [2, 2, 3, 2] }, bias: { shape: [4] } },
    build: ({ x, kernel, bias }) => convTranspose2d(x, kernel, { group: 2, bias }),
  });
});

describe('pooling', () => {
  const x = { shape: [2, 2, 5, 6] };
  const cases = {
    'kernel 2': { kernel: 2 },
    'windows with gaps between them': { kernel: [1, 2] as const, strides: 3 },
    'padded windows that do not overlap': { kernel: 2, pads: [1, 0, 0, 1] as const },
    'overlapping windows': { kernel: 3, strides: 2, pads: 1 },
    'oblong windows': { kernel: [2, 3] as const, strides: [1, 2] as const, pads: [0, 1, 1, 2] as const },
    'dilated windows': { kernel: 2, strides: 1, dilations: 2 },
  };
  for (const [name, options] of Object.entries(cases)) {
    checkOperator({ name: `maxPool2d, ${name}`, inputs: { x }, build: ({ x }) => maxPool2d(x, options) });
    checkOperator({
      name: `averagePool2d, ${name}`,
      inputs: { x },
      build: ({ x }) => averagePool2d(x, options),
    });
    checkOperator({
      name: `averagePool2d without pads, ${name}`,
      inputs: { x },
      build: ({ x }) => averagePool2d(x, { ...options, countPads: false }),
    });
  }
  checkOperator({ name: 'globalMaxPool', inputs: { x }, build: ({ x }) => globalMaxPool(x) });
  checkOperator({
    name: 'maxPool2d of windows whose maxima are negative',
    inputs: { x: { shape: [2, 2, 4, 4], low: -3, high: -1 } },
    build: ({ x }) => maxPool2d(x, { kernel: 3, strides: 2, pads: 1 }),
  });
  checkOperator({ name: 'globalAveragePool', inputs: { x }, build: ({ x }) => globalAveragePool(x) });
});

test('wrong shapes are named', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [2, 4, 5, 5]);
  const kernel = input(graph, 'kernel', [6, 3, 3, 3]);
  const bias = input(graph, 'bias', [4]);
  const flat = input(graph, 'flat', [2, 4]);
  expect(() => conv2d(x, kernel)).toThrow(
    'conv2d: expected a kernel [O, C / group, h, w] with C = 4 and O a multiple of group = 1, got [6,3,3,3].',
  );
  expect(() => conv2d(x, flat)).toThrow(
    'conv2d: expected a kernel of shape [O, C / group, h, w], got [2,4].',
  );
  expect(() => conv2d(flat, kernel)).toThrow('conv2d: expected an input of shape [N, C, H, W], got [2,4].');
  expect(() => conv2d(x, input(graph, 'k4', [6, 4, 3, 3]), { bias })).toThrow(
    'conv2d: expected a bias of shape [6], got [4].',
  );
  expect(() => conv2d(x, input(graph, 'large', [1, 4, 7, 1]), { pads: [0, 0, 1, 0] })).toThrow(
    'conv2d: expected a window of at most 6 rows (input [2,4,5,5] with pads [0,0,1,0]), got 7.',
  );
  expect(() => maxPool2d(x, { kernel: 2, strides: 0 })).toThrow(
    'maxPool2d: expected strides of integers >= 1, got [0,0].',
  );
  expect(() => convTranspose2d(x, kernel)).toThrow(
    'convTranspose2d: expected an input [N, I, h, w] and a kernel [I, O / group, kh, kw] with I a multiple of group = 1, got [2,4,5,5] and [6,3,3,3].',
  );
  expect(() => convTranspose2d(x, input(graph, 'k', [4, 1, 2, 2]), { outputPads: 1 })).toThrow(
    'convTranspose2d: expected outputPads below the strides [1,1], got [1,1].',
  );
  expect(() => globalAveragePool(flat)).toThrow(
    'globalAveragePool: expected an input of shape [N, C, H, W], got [2,4].',
  );
});
