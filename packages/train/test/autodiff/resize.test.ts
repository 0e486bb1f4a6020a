import { describe, expect, test } from 'vitest';
import { resize } from '../../src/autodiff/resize.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';
import { interpret } from './float64-interpreter.ts';
import { checkOperator } from './operator-check.ts';

// More than one image and channel: a peer's gradient is wrong for batches above 1.
const sizes: [string, number[], [number, number]][] = [
  ['twice the size', [3, 2, 3, 4], [6, 8]],
  ['half the size', [2, 2, 6, 4], [3, 2]],
  ['up in rows, down in columns', [2, 3, 3, 7], [5, 4]],
  ['one axis only', [2, 2, 3, 4], [3, 9]],
  ['from a single pixel', [2, 2, 1, 1], [2, 3]],
];
for (const mode of ['nearest', 'bilinear'] as const)
  for (const [name, shape, size] of sizes)
    checkOperator({
      name: `resize ${mode}, ${name}`,
      inputs: { x: { shape } },
      build: ({ x }) => resize(x, { size, mode }),
    });

const resized = (data: number[], shape: number[], options: Parameters<typeof resize>[1]) => {
  const x = input(createGraph(), 'x', shape);
  const y = resize(x, options);
  return [...interpret(x.graph, { x: data }, [y]).get(y)!.data];
};

describe('resize', () => {
  test('nearest repeats pixels when it doubles and takes the later of two at the same distance', () => {
    expect(resized([1, 2], [1, 1, 1, 2], { size: [2, 4], mode: 'nearest' })).toEqual([
      1, 1, 2, 2, 1, 1, 2, 2,
    ]);
    expect(resized([1, 2, 3, 4], [1, 1, 1, 4], { size: [1, 2], mode: 'nearest' })).toEqual([2, 4]);
  });

  test('bilinear weighs by the distance of pixel centres and holds the border', () => {
    expect(resized([0, 4], [1, 1, 1, 2], { size: [1, 4] })).toEqual([0, 1, 3, 4]);
  });

  test('to the same size is x itself; what it cannot do is named', () => {
    const x = input(createGraph(), 'x', [1, 1, 2, 3]);
    expect(resize(x, { size: [2, 3] })).toBe(x);
    expect(() => resize(x, { size: [2, 1.5] })).toThrow(
      'resize: expected a size of two integers >= 1, got [2,1.5].',
    );
    expect(() => resize(input(x.graph, 'row', [4]), { size: [2, 2] })).toThrow(
      'resize: expected an input of shape [N, C, H, W], got [4].',
    );
    expect(() => resize(x, { size: [4, 4], mode: 'cubic' as never })).toThrow(
      "resize: expected mode to be 'nearest' or 'bilinear', got 'cubic'.",
    );
  });
});
