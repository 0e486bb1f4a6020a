import { describe, expect, test } from 'vitest';
import { gather } from '../../src/autodiff/indexing.ts';
import { gemm, matmul } from '../../src/autodiff/matmul.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';
import { checkOperator } from './operator-check.ts';

describe('matmul', () => {
  const shapes: [string, number[], number[]][] = [
    ['two matrices', [2, 3], [3, 4]],
    ['a batch and one matrix', [2, 2, 3], [3, 2]],
    ['one matrix and a batch', [2, 3], [4, 3, 2]],
    ['two batches', [2, 2, 3], [2, 3, 2]],
    ['batches that broadcast both ways', [2, 1, 2, 3], [3, 3, 2]],
    ['two vectors', [3], [3]],
    ['a vector and a batch', [3], [2, 3, 2]],
    ['a batch and a vector', [2, 2, 3], [3]],
  ];
  for (const [name, a, b] of shapes)
    checkOperator({
      name: `matmul of ${name}`,
      inputs: { a: { shape: a }, b: { shape: b } },
      build: ({ a, b }) => matmul(a, b),
    });
});

describe('gemm', () => {
  for (const transA of [false, true])
    for (const transB of [false, true])
      checkOperator({
        name: `gemm${transA ? ', a transposed' : ''}${transB ? ', b transposed' : ''}`,
        inputs: { a: { shape: transA ? [3, 2] : [2, 3] }, b: { shape: transB ? [4, 3] : [3, 4] } },
        build: ({ a, b }) => gemm(a, b, { transA, transB }),
      });
  for (const bias of [[4], [2, 1], [2, 4], []])
    checkOperator({
      name: `gemm with a bias of shape [${bias}]`,
      inputs: { a: { shape: [2, 3] }, b: { shape: [3, 4] }, bias: { shape: bias } },
      build: ({ a, b, bias }) => gemm(a, b, { bias }),
    });
});

describe('gather', () => {
  const ids = { shape: [2, 3], indicesBelow: 4 };
  checkOperator({
    name: 'gather of rows, some of them twice',
    inputs: { x: { shape: [4, 3] }, ids },
    build: ({ x, ids }) => gather(x, ids),
  });
  checkOperator({
    name: 'gather of rows of a table too large for a product',
    inputs: { x: { shape: [520, 2] }, ids: { shape: [3], indicesBelow: 3 } },
    build: ({ x, ids }) => gather(x, ids),
  });
  checkOperator({
    name: 'gather along the last axis',
    inputs: { x: { shape: [2, 2, 4] }, ids },
    build: ({ x, ids }) => gather(x, ids, { axis: -1 }),
  });
});

test('wrong shapes are named', () => {
  const graph = createGraph();
  const a = input(graph, 'a', [2, 3]);
  const b = input(graph, 'b', [4, 5]);
  expect(() => matmul(a, b)).toThrow(
    'matmul: expected shapes [..., m, k] and [..., k, n], got [2,3] and [4,5].',
  );
  expect(() => gemm(a, b, { transB: true })).toThrow(
    'gemm: expected matrices [m, k] and [k, n]ᵀ, got [2,3] and [4,5]ᵀ.',
  );
  expect(() => gemm(a, a, { transB: true, bias: b })).toThrow(
    'gemm: expected shapes that broadcast, got [2,2] and [4,5] at axis -2.',
  );
  expect(() => gather(a, b)).toThrow('gather: expected indices of type int64 or int32, got float32.');
});
