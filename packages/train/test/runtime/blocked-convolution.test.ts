import { describe, expect, test } from 'vitest';
import { relu } from '../../src/autodiff/activation.ts';
import { add } from '../../src/autodiff/arithmetic.ts';
import { type Conv2dOptions, conv2d } from '../../src/autodiff/convolution.ts';
import { createGraph, type Graph, input, output } from '../../src/onnx/graph.ts';
import { blockConvolutions } from '../../src/runtime/blocked-convolution.ts';
import { loadNative } from '../../src/runtime/node.ts';
import { loweringError } from './lowering-error.ts';

const { channelBlock } = await loadNative();

/** Operators that a graph has after lowering, in order. */
const lowered = (graph: Graph) => blockConvolutions(graph, 16).nodes.map((node) => node.opType);

function convolution(x: readonly number[], kernel: readonly number[], options: Conv2dOptions = {}): Graph {
  const graph = createGraph();
  output(conv2d(input(graph, 'x', x), input(graph, 'kernel', kernel), options), 'y');
  return graph;
}

describe('which convolutions have a blocked kernel', () => {
  const full = [
    'ReorderInput',
    'Reshape',
    'ReorderInput',
    'Reshape',
    'Reshape',
    'Transpose',
    'Reshape',
    'Conv',
    'ReorderOutput',
  ];

  test('channels and filters in whole blocks', () => {
    expect(lowered(convolution([1, 32, 4, 4], [16, 32, 3, 3]))).toEqual(full);
  });

  test('the few channels of an image are read as they are', () => {
    expect(lowered(convolution([1, 3, 4, 4], [16, 3, 3, 3]))).toEqual(
      full.slice(1).filter((_, i) => i < 3 || i > 5),
    );
  });

  test('others stay', () => {
    expect(lowered(convolution([1, 24, 4, 4], [16, 24, 3, 3]))).toEqual(['Conv']);
    expect(lowered(convolution([1, 16, 4, 4], [10, 16, 3, 3]))).toEqual(['Conv']);
    expect(lowered(convolution([1, 32, 4, 4], [32, 16, 3, 3], { group: 2 }))).toEqual(['Conv']);
  });

  test('a tensor that two convolutions read, or that goes from one to the next, is reordered once', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [1, 16, 4, 4]);
    const [a, b] = ['a', 'b'].map((name) => input(graph, name, [16, 16, 1, 1]));
    output(add(conv2d(x, a), conv2d(conv2d(x, b), a)), 'y');
    const images = blockConvolutions(graph, 16).nodes.filter(
      (node) => node.opType === 'ReorderInput' && node.inputs[0]!.shape.at(-1) === 4,
    );
    expect(images.map((node) => node.inputs[0])).toEqual([x]);
  });

  test('the graph that was given is left as it was', () => {
    const graph = convolution([1, 16, 4, 4], [16, 16, 3, 3]);
    blockConvolutions(graph, 16);
    expect(graph.nodes.map((node) => [node.opType, node.domain])).toEqual([['Conv', '']]);
    expect(graph.initializers.size).toBe(0);
  });
});

// Sums of up to 9·32 float32 terms in another order: each rounding is 6e-8 of the partial sum. → 1e-6
describe.skipIf(channelBlock === undefined)('blocked convolutions give what plain ones give', () => {
  const cases: [string, number[], number[], Conv2dOptions][] = [
    ['3×3', [2, 16, 9, 7], [32, 16, 3, 3], { pads: 1 }],
    ['3×3, stride 2', [2, 32, 9, 8], [16, 32, 3, 3], { strides: 2, pads: 1 }],
    ['pads of four sizes', [1, 16, 6, 6], [16, 16, 2, 3], { pads: [1, 2, 0, 1] }],
    ['dilated', [1, 16, 9, 9], [16, 16, 3, 3], { dilations: [2, 3], pads: 2 }],
    ['1×1', [2, 32, 5, 5], [48, 32, 1, 1], {}],
    ['1×1, stride 2', [2, 32, 5, 6], [16, 32, 1, 1], { strides: 2 }],
    ['three channels', [2, 3, 8, 8], [16, 3, 3, 3], { pads: 1 }],
    ['depthwise', [2, 32, 6, 6], [32, 1, 3, 3], { group: 32, pads: 1 }],
  ];
  test.each(cases)('%s', async (_, x, kernel, options) => {
    expect(await loweringError(convolution(x, kernel, options))).toBeLessThan(1e-6);
  });

  test('with bias, activation and a second convolution', async () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2, 3, 6, 6]);
    const first = conv2d(x, input(graph, 'a', [16, 3, 3, 3]), { pads: 1, bias: input(graph, 'bias', [16]) });
    output(conv2d(relu(first), input(graph, 'b', [32, 16, 3, 3])), 'y');
    expect(await loweringError(graph)).toBeLessThan(1e-6);
  });
});
