import { describe, expect, test } from 'vitest';
import { add, exp, mul, square } from '../../src/autodiff/arithmetic.ts';
import { gradients } from '../../src/autodiff/gradients.ts';
import { reduceSum } from '../../src/autodiff/reduction.ts';
import { createGraph, input, type Value } from '../../src/onnx/graph.ts';
import { interpret } from './float64-interpreter.ts';

const scalars = (...names: string[]) => {
  const graph = createGraph();
  return { graph, values: names.map((name) => input(graph, name, [])) };
};

const evaluate = (values: Value[], feeds: Record<string, number[]>) => {
  const found = interpret(values[0].graph, feeds, values);
  return values.map((value) => [...found.get(value)!.data]);
};

describe('gradients', () => {
  test('a value used k times receives the sum of its k gradients', () => {
    const { values } = scalars('x');
    const [x] = values;
    // d/dx (x·x + x² + 3x + eˣ) at 2
    const loss = add(add(mul(x, x), square(x)), add(mul(3, x), exp(x)));
    expect(evaluate(gradients(loss, [x]), { x: [2] })[0][0]).toBeCloseTo(4 + 4 + 3 + Math.exp(2), 12);
  });

  test('a parameter that the loss does not depend on gets zeros', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2]);
    const unused = input(graph, 'unused', [2, 2]);
    const [, gradient] = gradients(reduceSum(x), [x, unused]);
    expect(gradient.shape).toEqual([2, 2]);
    expect(evaluate([gradient], { x: [1, 2], unused: [1, 2, 3, 4] })).toEqual([[0, 0, 0, 0]]);
  });

  test('the loss itself has gradient 1, and an intermediate value has one too', () => {
    const { values } = scalars('x');
    const middle = square(values[0]);
    const loss = mul(middle, 5);
    expect(evaluate(gradients(loss, [loss, middle]), { x: [3] })).toEqual([[1], [5]]);
  });

  test('operators that no parameter leads through are not differentiated', () => {
    const { graph, values } = scalars('x', 'w');
    const [x, w] = values;
    const loss = mul(exp(x), w);
    const before = graph.nodes.length;
    gradients(loss, [w]);
    // ∂loss/∂w = 1 · eˣ: one product; nothing for x.
    expect(graph.nodes.slice(before).map((node) => node.opType)).toEqual(['Mul']);
  });

  test('two losses in one graph have their own gradients', () => {
    const { values } = scalars('x', 'y');
    const [x, y] = values;
    const first = gradients(mul(x, y), [x, y]);
    const second = gradients(square(x), [x, y]);
    expect(evaluate([...first, ...second], { x: [3], y: [7] })).toEqual([[7], [3], [6], [0]]);
  });

  test('equal expressions share nodes, and still count twice', () => {
    const { graph, values } = scalars('x');
    const [x] = values;
    const loss = add(exp(x), exp(x));
    expect(graph.nodes.map((node) => node.opType)).toEqual(['Exp', 'Add']);
    expect(evaluate(gradients(loss, [x]), { x: [1] })[0][0]).toBeCloseTo(2 * Math.E, 12);
  });

  test('a loss of more than one element is refused', () => {
    const x = input(createGraph(), 'x', [2, 1]);
    expect(() => gradients(square(x), [x])).toThrow(
      'gradients: expected a loss with one element, got shape [2,1]. Reduce it with reduceMean.',
    );
  });

  test('a loss computed from gradients is refused rather than silently cut short', () => {
    const { values } = scalars('x');
    const [x] = values;
    const [gradient] = gradients(exp(mul(x, 2)), [x]);
    expect(() => gradients(square(gradient), [x])).toThrow(
      /^gradients: expected a loss that is not computed from gradients, got one that uses `\w+`\. Second derivatives are not supported\.$/,
    );
  });
});
