import { describe, expect, test } from 'vitest';
import { tanh } from '../../src/autodiff/activation.ts';
import { add, mul, square } from '../../src/autodiff/arithmetic.ts';
import { conv2d } from '../../src/autodiff/convolution.ts';
import { gradients } from '../../src/autodiff/gradients.ts';
import { batchNorm } from '../../src/autodiff/normalization.ts';
import { globalAveragePool } from '../../src/autodiff/pooling.ts';
import { reduceMean, reduceSum } from '../../src/autodiff/reduction.ts';
import { transpose } from '../../src/autodiff/shape.ts';
import { createGraph, type Graph, input, type Node, output, type Value } from '../../src/onnx/graph.ts';
import { runInPieces } from '../../src/runtime/batch-pieces.ts';
import { loweringError } from './lowering-error.ts';

/** Half a mebibyte holds 8 of these samples. */
const image = [16, 32, 32];

function graphOf(batch: number, build: (x: Value, graph: Graph) => Value): Graph {
  const graph = createGraph();
  output(build(input(graph, 'x', [batch, ...image]), graph), 'y');
  return graph;
}

const scans = (graph: Graph): Node[] =>
  runInPieces(graph, 16).nodes.filter(({ opType }) => opType === 'Scan');

function bodyOf({ attributes }: Node) {
  if (typeof attributes.body !== 'object' || !('body' in attributes.body)) throw new Error('not a Scan');
  return attributes.body.body;
}

const wave = (x: Value) => tanh(square(tanh(x)));

describe('what runs in pieces', () => {
  test('operators from one sum over the batch to the next, with the sums of each piece', () => {
    const graph = graphOf(32, (x) => {
      const first = wave(x);
      return reduceSum(wave(mul(first, reduceMean(first, { axes: [0], keepDims: true }))));
    });
    const bodies = scans(graph).map((scan) => bodyOf(scan).nodes.map(({ opType }) => opType));
    expect(bodies).toEqual([
      ['Tanh', 'Mul', 'Tanh', 'ReduceMean'],
      ['Mul', 'Tanh', 'Mul', 'Tanh', 'ReduceSum'],
    ]);
  });

  test('pieces are as many samples as half a mebibyte holds', () => {
    const [scan] = scans(graphOf(32, (x) => wave(x)));
    expect(scan.inputs[0]!.shape).toEqual([4, 8, ...image]);
  });

  test('what only a later stretch reads is computed there', () => {
    const graph = graphOf(32, (x) => {
      const later = wave(x);
      return reduceSum(mul(later, reduceMean(wave(square(x)), { axes: [0], keepDims: true })));
    });
    expect(scans(graph).map((scan) => bodyOf(scan).outputs.length)).toEqual([1, 1]);
  });

  test('not a batch that fits, a batch without divisors, a single operator, or samples that change places', () => {
    expect(scans(graphOf(8, wave))).toEqual([]);
    expect(scans(graphOf(31, wave))).toEqual([]);
    expect(scans(graphOf(32, tanh))).toEqual([]);
    expect(
      scans(graphOf(32, (x) => tanh(transpose(tanh(transpose(x, [1, 0, 2, 3])), [1, 0, 2, 3])))),
    ).toEqual([]);
  });
});

describe('gives what the whole batch gives', () => {
  /** Both are float32; sums over the batch are taken in another order. */
  const tolerance = 3e-6;

  test('a convolutional network with batch normalization and a shortcut, forward and backward', async () => {
    const graph = createGraph();
    const x = input(graph, 'x', [32, ...image]);
    const parameters: Value[] = [];
    const parameter = (name: string, shape: readonly number[]) => {
      const value = input(graph, name, shape);
      parameters.push(value);
      return value;
    };
    const block = (name: string, value: Value, filters: number, strides: number) => {
      const kernel = parameter(`${name}.kernel`, [filters, value.shape[1], 3, 3]);
      const y = conv2d(value, kernel, { strides, pads: 1 });
      return tanh(
        batchNorm(y, parameter(`${name}.scale`, [filters]), parameter(`${name}.bias`, [filters])).y,
      );
    };
    const first = block('first', x, 16, 1);
    const joined = add(block('second', first, 16, 1), first);
    const pooled = globalAveragePool(block('third', joined, 32, 2));
    const loss = reduceMean(square(pooled));
    output(loss, 'loss');
    output(joined, 'a tensor of the batch');
    for (const [i, gradient] of gradients(loss, parameters).entries()) output(gradient, `gradient ${i}`);

    expect(scans(graph).length).toBeGreaterThan(4);
    expect(await loweringError(graph)).toBeLessThan(tolerance);
  });

  test('factors of the batch, of a sample, of a channel and of all elements', async () => {
    const graph = createGraph();
    const x = input(graph, 'x', [32, ...image]);
    const factors = [[32, ...image], [1, ...image], [32, 1, 1, 1], [16, 1, 1], []];
    const y = factors.reduce((product, shape, i) => tanh(mul(product, input(graph, `f${i}`, shape))), x);
    output(y, 'y');
    expect(scans(graph)).toHaveLength(1);
    expect(await loweringError(graph)).toBe(0);
  });
});
