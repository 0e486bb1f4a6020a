import { describe, expect, test } from 'vitest';
import * as op from '../../src/autodiff/arithmetic.ts';
import { gradients } from '../../src/autodiff/gradients.ts';
import { reduceSum } from '../../src/autodiff/reduction.ts';
import { constant, createGraph, input } from '../../src/onnx/graph.ts';
import { interpret } from './float64-interpreter.ts';
import { checkOperator } from './operator-check.ts';

const plain = { shape: [2, 3] };
const positive = { shape: [2, 3], low: 0.3, high: 3 };

describe('two operands', () => {
  const pairs = { add: op.add, sub: op.sub, mul: op.mul, maximum: op.maximum, minimum: op.minimum };
  for (const [name, f] of Object.entries(pairs)) {
    checkOperator({ name, inputs: { a: plain, b: plain }, build: ({ a, b }) => f(a, b) });
    checkOperator({
      name: `${name}, broadcasting both ways`,
      inputs: { a: { shape: [4, 1, 3] }, b: { shape: [2, 1] } },
      build: ({ a, b }) => f(a, b),
    });
    checkOperator({ name: `${name} with a number`, inputs: { a: plain }, build: ({ a }) => f(0.75, a) });
    checkOperator({
      name: `${name} of a value with itself`,
      inputs: { a: plain },
      build: ({ a }) => f(a, op.mul(a, a)),
    });
  }
  checkOperator({ name: 'div', inputs: { a: plain, b: positive }, build: ({ a, b }) => op.div(a, b) });
  checkOperator({
    name: 'div, broadcasting',
    inputs: { a: { shape: [3] }, b: { shape: [2, 1], low: 0.4, high: 2 } },
    build: ({ a, b }) => op.div(a, b),
  });
  checkOperator({ name: 'pow', inputs: { a: positive, b: plain }, build: ({ a, b }) => op.pow(a, b) });
  checkOperator({ name: 'pow with a number', inputs: { a: plain }, build: ({ a }) => op.pow(a, 3) });
});

describe('one operand', () => {
  checkOperator({ name: 'neg', inputs: { x: plain }, build: ({ x }) => op.neg(x) });
  checkOperator({ name: 'sqrt', inputs: { x: positive }, build: ({ x }) => op.sqrt(x) });
  checkOperator({ name: 'exp', inputs: { x: plain }, build: ({ x }) => op.exp(x) });
  checkOperator({ name: 'log', inputs: { x: positive }, build: ({ x }) => op.log(x) });
  checkOperator({ name: 'abs', inputs: { x: plain }, build: ({ x }) => op.abs(x) });
  checkOperator({ name: 'square', inputs: { x: plain }, build: ({ x }) => op.square(x) });
  checkOperator({ name: 'reciprocal', inputs: { x: positive }, build: ({ x }) => op.reciprocal(x) });
});

describe('clip', () => {
  const cases = { 'both sides': { min: -0.5, max: 0.7 }, below: { min: 0.1 }, above: { max: 0.1 } };
  for (const [name, bounds] of Object.entries(cases))
    checkOperator({
      name: `clip ${name}`,
      inputs: { x: { shape: [3, 4] } },
      build: ({ x }) => op.clip(x, bounds),
    });

  test('passes the gradient at its bounds and stops it beyond; without bounds it is x itself', () => {
    const x = input(createGraph(), 'x', [4]);
    const [gradient] = gradients(reduceSum(op.clip(x, { min: 0, max: 1 })), [x]);
    expect([...interpret(x.graph, { x: [-0.1, 0, 1, 1.1] }, [gradient]).get(gradient)!.data]).toEqual([
      0, 1, 1, 0,
    ]);
    expect(op.clip(x, {})).toBe(x);
    expect(() => op.clip(x, { min: 2, max: 1 })).toThrow('clip: expected min <= max, got min 2 and max 1.');
  });
});

describe('where and comparisons', () => {
  const comparisons = {
    greater: op.greater,
    greaterOrEqual: op.greaterOrEqual,
    less: op.less,
    lessOrEqual: op.lessOrEqual,
    equal: op.equal,
  };
  for (const [name, compare] of Object.entries(comparisons))
    checkOperator({
      name: `where(${name})`,
      inputs: { x: plain, a: { shape: [3] }, b: { shape: [2, 1] } },
      build: ({ x, a, b }) => op.where(compare(x, 0.25), a, b),
    });
  checkOperator({
    name: 'where with a number',
    inputs: { x: plain },
    build: ({ x }) => op.where(op.cast(op.cast(op.greater(x, 0), 'float32'), 'bool'), op.square(x), -1),
  });
});

test('equal operands of maximum share the gradient equally', () => {
  // At a tie there is no derivative to compare with; half each is PyTorch's choice.
  const graph = createGraph();
  const [a, b] = [input(graph, 'a', []), input(graph, 'b', [])];
  const found = gradients(op.maximum(a, b), [a, b]);
  const values = interpret(graph, { a: [2], b: [2] }, found);
  expect(found.map((g) => values.get(g)!.data[0])).toEqual([0.5, 0.5]);
});

test('wrong operands are named', () => {
  const graph = createGraph();
  const a = input(graph, 'a', [2, 3]);
  const b = input(graph, 'b', [4, 3]);
  const ids = input(graph, 'ids', [3], 'int64');
  const stranger = input(createGraph(), 'stranger', [3]);
  expect(() => op.add(a, b)).toThrow('add: expected shapes that broadcast, got [2,3] and [4,3] at axis -2.');
  expect(() => op.mul(a, ids)).toThrow(
    'mul: expected operands of one type, got float32 and int64. Convert one with cast().',
  );
  expect(() => op.add(1, 2)).toThrow(
    'add: expected at least one graph value, got only numbers. Compute the constant in JavaScript.',
  );
  expect(() => op.sub(a, stranger)).toThrow(
    'Sub: expected operands of one graph, got `stranger` of another. Build both with the same createGraph().',
  );
  expect(() => op.where(a, a, 0)).toThrow(
    "where: expected a condition of type bool, got float32. Compare it, or cast(x, 'bool').",
  );
  expect(() => constant(graph, new Float32Array(5), [2, 3])).toThrow(
    'constant: expected 6 elements for shape [2,3], got 5.',
  );
});
