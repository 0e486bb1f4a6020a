import { expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/gradients.ts';
import * as reductions from '../../src/autodiff/reduction.ts';
import { createGraph, input, output } from '../../src/onnx/graph.ts';
import { createSession } from '../../src/runtime/session.ts';
import { interpret } from './float64-interpreter.ts';
import { checkOperator } from './operator-check.ts';

const x = { shape: [2, 3, 4] };

for (const [name, reduce] of Object.entries(reductions)) {
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
  const [gradient] = gradients(reductions.reduceMax(x), [x]);
  expect([...interpret(graph, { x: [5, 1, 5, 0] }, [gradient]).get(gradient)!.data]).toEqual([
    0.5, 0, 0.5, 0,
  ]);
});

test('the norm of zeros has gradient zero, as in PyTorch', () => {
  const x = input(createGraph(), 'x', [2, 2]);
  const [gradient] = gradients(reductions.reduceSum(reductions.reduceL2(x, { axes: [1] })), [x]);
  const found = interpret(x.graph, { x: [0, 0, 3, 4] }, [gradient]).get(gradient)!.data;
  [0, 0, 0.6, 0.8].forEach((expected, i) => {
    expect(found[i]).toBeCloseTo(expected, 15);
  });
});

test.each(['native', 'wasm'] as const)('reduceLogSumExp does not overflow (%s)', async (engine) => {
  const graph = createGraph();
  const x = input(graph, 'x', [2]);
  output(reductions.reduceLogSumExp(x), 'y');
  const session = await createSession(graph, { engine });
  const y = new Float32Array(1);
  await session.run({ x: { data: Float32Array.of(1000, 1000), shape: [2] } }, { y: { data: y, shape: [] } });
  await session.release();
  expect(y[0]).toBeCloseTo(1000 + Math.LN2, 3);
});

test('an axis outside the tensor is named', () => {
  const x = input(createGraph(), 'x', [2, 3]);
  expect(() => reductions.reduceSum(x, { axes: [2] })).toThrow(
    'reduceSum: expected an axis from -2 to 1, got 2.',
  );
});
