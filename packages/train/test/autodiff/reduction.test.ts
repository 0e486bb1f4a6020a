import { expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/gradients.ts';
import { reduceMax, reduceMean, reduceSum } from '../../src/autodiff/reduction.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';
import { interpret } from './float64-interpreter.ts';
import { checkOperator } from './operator-check.ts';

const x = { shape: [2, 3, 4] };

for (const [name, reduce] of Object.entries({ reduceSum, reduceMean, reduceMax })) {
  checkOperator({ name: `${name} over all axes`, inputs: { x }, build: ({ x }) => reduce(x) });
  checkOperator({ name: `${name} over one axis`, inputs: { x }, build: ({ x }) => reduce(x, { axes: [1] }) });
  checkOperator({
    name: `${name} over outer axes, kept`,
    inputs: { x },
    build: ({ x }) => reduce(x, { axes: [0, -1], keepDims: true }),
  });
  checkOperator({ name: `${name} over no axis`, inputs: { x }, build: ({ x }) => reduce(x, { axes: [] }) });
}

test('elements that tie for the maximum share the gradient equally', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [4]);
  const [gradient] = gradients(reduceMax(x), [x]);
  expect([...interpret(graph, { x: [5, 1, 5, 0] }, [gradient]).get(gradient)!.data]).toEqual([
    0.5, 0, 0.5, 0,
  ]);
});

test('an axis outside the tensor is named', () => {
  const x = input(createGraph(), 'x', [2, 3]);
  expect(() => reduceSum(x, { axes: [2] })).toThrow('reduceSum: expected an axis from -2 to 1, got 2.');
});
