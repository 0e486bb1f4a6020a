import { describe, expect, test } from 'vitest';
import { gru } from '../../src/layers/recurrent.ts';
import { createScope, type Scope } from '../../src/layers/scope.ts';
import type { Value } from '../../src/onnx/graph.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';
import { checkOperator } from '../autodiff/operator-check.ts';

/** A scope whose parameters are the inputs of a check. */
const given = (values: Record<string, Value>, path = ''): Scope =>
  ({
    path,
    training: true,
    child: (name: string) => given(values, path === '' ? name : `${path}/${name}`),
    parameter: (name: string) => values[`${path}/${name}`],
  }) as unknown as Scope;

describe('a gated recurrent unit', () => {
  const inputs = {
    x: { shape: [2, 3, 2] },
    'input/kernel': { shape: [9, 2], low: -1, high: 1 },
    'input/bias': { shape: [9], low: -1, high: 1 },
    'state/kernel': { shape: [9, 3], low: -1, high: 1 },
    'state/bias': { shape: [9], low: -1, high: 1 },
  };
  for (const returns of ['all', 'last'] as const)
    checkOperator({
      name: `gru over three steps, ${returns}`,
      inputs,
      build: (values) => gru({ units: 3, returns })(values.x, given(values)),
    });

  test('declares kernels of role recurrent and wants sequences', () => {
    const graph = createGraph();
    const { scope, declared } = createScope(graph, { training: true });
    const y = gru({ units: 4 })(input(graph, 'x', [2, 5, 3]), scope);
    expect(y.shape).toEqual([2, 5, 4]);
    expect(
      [...declared.parameters.values()].map(({ info }) => `${info.path} [${info.shape}] ${info.role}`),
    ).toEqual([
      'input/kernel [12,3] recurrent',
      'input/bias [12] bias',
      'state/kernel [12,4] recurrent',
      'state/bias [12] bias',
    ]);
    expect(() => gru({ units: 4 })(input(graph, 'flat', [2, 5]), scope)).toThrow(
      new RangeError("gru: expected an input of shape [N, T, in], got [2,5] at ''."),
    );
  });
});
