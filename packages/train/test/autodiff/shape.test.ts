import { describe, expect, test } from 'vitest';
import { mul } from '../../src/autodiff/arithmetic.ts';
import { concat, expand, pad, reshape, slice, split, transpose } from '../../src/autodiff/shape.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';
import { checkOperator } from './operator-check.ts';

const x = { shape: [2, 3, 4] };

describe('values and gradients', () => {
  checkOperator({ name: 'reshape', inputs: { x }, build: ({ x }) => reshape(x, [6, -1]) });
  checkOperator({ name: 'transpose', inputs: { x }, build: ({ x }) => transpose(x, [2, 0, 1]) });
  checkOperator({ name: 'transpose, all axes reversed', inputs: { x }, build: ({ x }) => transpose(x) });
  checkOperator({
    name: 'expand',
    inputs: { x: { shape: [2, 1, 3] } },
    build: ({ x }) => expand(x, [4, 2, 5, 3]),
  });
  checkOperator({
    name: 'concat',
    inputs: { a: { shape: [2, 3] }, b: { shape: [2, 1] }, c: { shape: [2, 2] } },
    build: ({ a, b, c }) => concat([a, b, c], -1),
  });
  checkOperator({
    name: 'concat of a value with itself',
    inputs: { a: { shape: [2, 3] } },
    build: ({ a }) => concat([a, a], 0),
  });
  checkOperator({ name: 'split', inputs: { x }, build: ({ x }) => split(x, { axis: 2, sizes: [1, 3] }) });
  checkOperator({
    name: 'split of which one piece is used',
    inputs: { x },
    build: ({ x }) => split(x, { axis: 1, sizes: [1, 1, 1] })[1],
  });
  checkOperator({ name: 'slice', inputs: { x }, build: ({ x }) => slice(x, { axis: 2, start: 1, end: 3 }) });
  checkOperator({
    name: 'slice counted from the end',
    inputs: { x },
    build: ({ x }) => slice(x, { axis: -2, start: -2, end: -1 }),
  });
  checkOperator({
    name: 'slice in steps that leave a rest',
    inputs: { x: { shape: [3, 8] } },
    build: ({ x }) => slice(x, { axis: 1, start: 1, step: 3 }),
  });
  checkOperator({
    name: 'overlapping slices of one value',
    inputs: { x: { shape: [5] } },
    build: ({ x }) => mul(slice(x, { axis: 0, end: 4 }), slice(x, { axis: 0, start: 1 })),
  });
  checkOperator({
    name: 'pad',
    inputs: { x },
    build: ({ x }) => pad(x, { before: [0, 1, 0], after: [2, 0, 1], value: 7 }),
  });
  checkOperator({
    name: 'pad by negative sizes crops',
    inputs: { x },
    build: ({ x }) => pad(x, { before: [0, -1, 1], after: [0, 0, -2] }),
  });
});

test('wrong shapes are named', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [2, 3]);
  const y = input(graph, 'y', [4, 4]);
  expect(() => reshape(x, [4, -1])).toThrow(
    'reshape: expected a shape of 6 elements, got [4,-1] for a tensor of shape [2,3].',
  );
  expect(() => transpose(x, [0, 0])).toThrow('transpose: expected a permutation of 2 axes, got [0,0].');
  expect(() => expand(x, [2, 4])).toThrow(
    'expand: expected shapes that broadcast, got [2,3] and [2,4] at axis -1.',
  );
  expect(() => expand(x, [3])).toThrow('expand: expected a shape that [2,3] broadcasts to, got [3].');
  expect(() => concat([x, y], 0)).toThrow(
    'concat: expected shapes equal but for axis 0, got [2,3] and [4,4].',
  );
  expect(() => concat([], 0)).toThrow('concat: expected at least one tensor, got none.');
  expect(() => split(x, { axis: 1, sizes: [1, 1] })).toThrow(
    'split: expected sizes that add to 3, got [1,1] (2) for axis 1.',
  );
  expect(() => slice(x, { axis: 1, start: 2, end: 1 })).toThrow(
    'slice: expected 0 <= start < end <= 3 and step >= 1, got start 2, end 1, step 1 for axis 1.',
  );
  expect(() => pad(x, { before: [1], after: [1] })).toThrow(
    'pad: expected 2 sizes before and after, got [1] and [1].',
  );
});
