import { describe, expect, test } from 'vitest';
import { greater } from '../../src/autodiff/arithmetic.ts';
import { attention } from '../../src/autodiff/attention.ts';
import { rotary } from '../../src/autodiff/rotary.ts';
import { constant, createGraph, input, output, type Value } from '../../src/onnx/graph.ts';
import { createSession } from '../../src/runtime/session.ts';
import { checkOperator } from './operator-check.ts';

const threes = (...shape: number[]) => ({ shape });
const boolean = (x: Value, shape: number[], f: (i: number) => boolean) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return mask(
    x,
    Array.from({ length: size }, (_, i) => f(i)),
    shape,
  );
};
/** Booleans come from a comparison: constants of that type do not exist. */
function mask(x: Value, allowed: readonly boolean[], shape: readonly number[]): Value {
  return greater(constant(x.graph, Float32Array.from(allowed, Number), shape), 0.5);
}

describe('attention', () => {
  const own = { q: threes(2, 5, 6), k: threes(2, 5, 6), v: threes(2, 5, 6) };
  const cross = { q: threes(2, 3, 8), k: threes(2, 4, 8), v: threes(2, 4, 8) };
  checkOperator({
    name: 'attention to another sequence, two heads',
    inputs: cross,
    build: ({ q, k, v }) => attention(q, k, v, { heads: 2 }),
  });
  checkOperator({
    name: 'attention to the past, three heads',
    inputs: own,
    build: ({ q, k, v }) => attention(q, k, v, { heads: 3, causal: true }),
  });
  checkOperator({
    name: 'attention without the padding of one sample',
    inputs: cross,
    build: ({ q, k, v }) => {
      const seen = boolean(q, [2, 1, 1, 4], (i) => i < 3 || i >= 6);
      return attention(q, k, v, { heads: 4, mask: seen });
    },
  });
  checkOperator({
    name: 'attention to the past without padding',
    inputs: own,
    build: ({ q, k, v }) => {
      const seen = boolean(q, [2, 1, 1, 5], (i) => i !== 1 && i !== 9);
      return attention(q, k, v, { heads: 2, causal: true, mask: seen });
    },
  });
  checkOperator({
    name: 'attention with dropped weights',
    inputs: cross,
    build: ({ q, k, v }) => {
      const kept = Float32Array.from({ length: 2 * 2 * 3 * 4 }, (_, i) => (i % 3 === 1 ? 0 : 1.5));
      return attention(q, k, v, { heads: 2, dropout: constant(q.graph, kept, [2, 2, 3, 4]) });
    },
  });
});

describe('rotary', () => {
  checkOperator({
    name: 'rotary of two heads',
    inputs: { x: threes(2, 3, 8) },
    build: ({ x }) => rotary(x, { heads: 2 }),
  });
  checkOperator({
    name: 'rotary at given positions',
    inputs: { x: threes(2, 3, 4), positions: { shape: [3], indicesBelow: 9 } },
    build: ({ x, positions }) => rotary(x, { heads: 1, positions, limit: 9 }),
  });
});

/** Values of a graph of one input [1, T, D] that stands for query, key and value. */
async function run(x: Float32Array, shape: number[], build: (x: Value) => Value): Promise<Float32Array> {
  const graph = createGraph();
  const y = build(input(graph, 'x', shape));
  output(y, 'y');
  const session = await createSession(graph, { engine: 'native' });
  const data = new Float32Array(y.shape.reduce((a, b) => a * b, 1));
  await session.run({ x: { data: x, shape } }, { y: { data, shape: y.shape } });
  await session.release();
  return data;
}

test('hidden keys change nothing, not even where their scores are by far the largest', async () => {
  const x = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i + 1));
  const other = x.slice().fill(1000, 24);
  const causal = (data: Float32Array) =>
    run(data, [1, 4, 8], (v) => attention(v, v, v, { heads: 2, causal: true }));
  const [a, b] = [await causal(x), await causal(other)];
  expect(b.subarray(0, 24)).toEqual(a.subarray(0, 24));
  expect(b.subarray(24)).not.toEqual(a.subarray(24));
});

test('a query that may see nothing gets some mean of the values, and no NaN', async () => {
  const x = Float32Array.from({ length: 8 }, (_, i) => i);
  const y = await run(x, [1, 4, 2], (v) =>
    attention(v, v, v, { heads: 1, mask: boolean(v, [1, 1, 1, 4], () => false) }),
  );
  for (const value of y) expect(value >= 0 && value <= 7).toBe(true);
});

test('wrong shapes are named', () => {
  const graph = createGraph();
  const q = input(graph, 'q', [2, 3, 6]);
  const k = input(graph, 'k', [2, 4, 6]);
  const m = input(graph, 'm', [2, 4], 'bool');
  expect(() => attention(q, k, q, { heads: 2 })).toThrow(
    new RangeError(
      'attention: expected query [N, T, D], key and value [N, S, D], got [2,3,6], [2,4,6] and [2,3,6].',
    ),
  );
  expect(() => attention(q, k, k, { heads: 4 })).toThrow(
    new RangeError('attention: expected `heads` to divide the width 6, got 4.'),
  );
  expect(() => attention(q, k, k, { heads: 2, causal: true })).toThrow(
    new RangeError('attention: expected as many keys as queries where `causal`, got 4 and 3.'),
  );
  expect(() => attention(q, k, k, { heads: 2, mask: m })).toThrow(
    'attention: expected shapes that broadcast, got [2,4] and [2,2,3,4] at axis -2.',
  );
  expect(() => attention(q, k, k, { heads: 2, mask: k })).toThrow(
    new RangeError(
      'attention: expected a mask of type bool that broadcasts to [2,2,3,4], got float32 [2,4,6].',
    ),
  );
  expect(() => attention(q, k, k, { heads: 2, dropout: q })).toThrow(
    new RangeError('attention: expected `dropout` of shape [2,2,3,4], got [2,3,6].'),
  );
  expect(() => rotary(q, { heads: 2 })).toThrow(
    new RangeError(
      'rotary: expected a tensor [N, T, D] with D divided by 2 heads into an even size, got [2,3,6].',
    ),
  );
});
