import { describe, expect, test } from 'vitest';
import { tanh } from '../../src/autodiff/activation.ts';
import { createScope, type Layer } from '../../src/layers/scope.ts';
import { mlp } from '../../src/models/mlp.ts';
import { resnet } from '../../src/models/resnet.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';

function build(model: Layer, shape: readonly number[]) {
  const graph = createGraph();
  const { scope, declared } = createScope(graph, { training: true });
  const { shape: logits } = model(input(graph, 'inputs', shape), scope);
  const parameters = [...declared.parameters.values()].map(({ info }) => info);
  const count = parameters.reduce((sum, info) => sum + info.shape.reduce((size, axis) => size * axis, 1), 0);
  return { graph, logits, parameters, count };
}

describe('residual networks', () => {
  // He et al. 2016, table 6: 0.27M, 0.46M, 0.66M, 0.85M, 1.7M parameters, shortcuts without any.
  test.each([
    [20, 0.27],
    [32, 0.46],
    [44, 0.66],
    [56, 0.85],
    [110, 1.7],
  ])(
    'of depth %s have the published %s million parameters and that many weighted layers',
    (depth, millions) => {
      const { count, parameters, logits } = build(
        resnet({ depth, classes: 10, shortcut: 'identity' }),
        [1, 3, 32, 32],
      );
      const digits = millions < 1 ? 2 : 1;
      expect(Number((count / 1e6).toFixed(digits))).toBe(millions);
      expect(parameters.filter(({ role }) => role === 'kernel')).toHaveLength(depth);
      expect(logits).toEqual([1, 10]);
    },
  );

  test('with projections, ResNet-20 has 65 tensors; plain, it has those of the identity shortcuts', () => {
    const of = (options: object) => build(resnet({ depth: 20, classes: 10, ...options }), [2, 3, 32, 32]);
    expect(of({}).parameters).toHaveLength(65);
    expect(of({}).count - of({ shortcut: 'identity' }).count).toBe(16 * 32 + 2 * 32 + 32 * 64 + 2 * 64);
    expect(of({ skips: false }).parameters).toEqual(of({ shortcut: 'identity' }).parameters);
  });

  test('take any image size and number of classes', () => {
    expect(build(resnet({ depth: 8, classes: 7 }), [4, 1, 28, 28]).logits).toEqual([4, 7]);
  });

  test.each([21, 2, 9])('of depth %s do not exist', (depth) => {
    expect(() => resnet({ depth, classes: 10 })).toThrow(
      new RangeError(`resnet: expected \`depth\` to be 6n + 2 (8, 20, 32, 44, 56, 110), got ${depth}.`),
    );
  });

  test('know two shortcuts', () => {
    expect(() => resnet({ depth: 8, classes: 2, shortcut: 'A' as never })).toThrow(
      new RangeError("resnet: expected `shortcut` to be 'projection' or 'identity', got 'A'."),
    );
  });
});

describe('multilayer perceptrons', () => {
  test('flatten their input and have one dense layer for each size', () => {
    const { parameters, logits } = build(mlp({ hidden: [5, 4], classes: 3 }), [2, 1, 3, 3]);
    expect(parameters.map(({ path, shape }) => `${path} [${shape}]`)).toEqual([
      'hidden0/kernel [5,9]',
      'hidden0/bias [5]',
      'hidden1/kernel [4,5]',
      'hidden1/bias [4]',
      'output/kernel [3,4]',
      'output/bias [3]',
    ]);
    expect(logits).toEqual([2, 3]);
  });

  test('without hidden layers are linear, and take any activation', () => {
    expect(build(mlp({ hidden: [], classes: 3 }), [2, 4]).parameters).toHaveLength(2);
    const { graph } = build(mlp({ hidden: [2, 2], classes: 3, activation: tanh }), [2, 4]);
    expect(graph.nodes.filter(({ opType }) => opType === 'Tanh')).toHaveLength(2);
  });

  test('refuse an option they do not have', () => {
    expect(() => mlp({ layers: [4], classes: 2 } as never)).toThrow(
      new TypeError('mlp: unknown option `layers`. Known options: hidden, classes, activation.'),
    );
  });
});
