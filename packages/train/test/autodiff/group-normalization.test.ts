import { expect, test } from 'vitest';
import { groupNorm } from '../../src/autodiff/group-normalization.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';
import { checkOperator } from './operator-check.ts';

for (const [shape, groups] of [
  [[2, 4, 3, 2], 2],
  [[2, 4, 3, 2], 1],
  [[2, 4, 3, 2], 4],
  [[3, 6], 2],
] as const)
  checkOperator({
    name: `groupNorm of [${shape}] in groups: ${groups}`,
    inputs: { x: { shape }, scale: { shape: [shape[1]] }, bias: { shape: [shape[1]] } },
    build: ({ x, scale, bias }) => groupNorm(x, scale, bias, { groups, eps: 1e-3 }),
  });

test('wrong shapes are named', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [2, 4, 1]);
  const four = input(graph, 'four', [4]);
  expect(() => groupNorm(four, four, four, { groups: 2 })).toThrow(
    'groupNorm: expected an input of shape [N, C, ...], got [4].',
  );
  expect(() => groupNorm(x, four, input(graph, 'two', [2]), { groups: 2 })).toThrow(
    'groupNorm: expected bias of shape [4], got [2].',
  );
  expect(() => groupNorm(x, four, four, { groups: 3 })).toThrow(
    'groupNorm: expected `groups` to divide the 4 channels, got 3.',
  );
  expect(() => groupNorm(x, four, four, { groups: 4 })).toThrow(
    'groupNorm: expected at least 2 elements a group, got 1 in shape [2,4,1] with 4 groups.',
  );
});
