import { describe, expect, test } from 'vitest';
import { mul } from '../../src/autodiff/arithmetic.ts';
import { type Conv2dOptions, conv2d } from '../../src/autodiff/convolution.ts';
import { gradients } from '../../src/autodiff/gradients.ts';
import { reduceSum } from '../../src/autodiff/reduction.ts';
import { createGraph, type Graph, input, output } from '../../src/onnx/graph.ts';
import { lowerKernelGradients, markKernelGradients } from '../../src/runtime/blocked-kernel-gradient.ts';
import { loadNative } from '../../src/runtime/node.ts';
import { loweringError } from './lowering-error.ts';

const { channelBlock } = await loadNative();

/** The kernel's gradient of Σ y · weights, for weights that are fed. */
function kernelGradientOf(
  x: readonly number[],
  shape: readonly number[],
  options: Conv2dOptions = {},
): Graph {
  const graph = createGraph();
  const kernel = input(graph, 'kernel', shape);
  const y = conv2d(input(graph, 'x', x), kernel, options);
  const [gradient] = gradients(reduceSum(mul(y, input(graph, 'weights', y.shape))), [kernel]);
  output(gradient, 'gradient');
  return graph;
}

const operators = ({ nodes }: Graph) => nodes.map(({ opType }) => opType);

describe('which gradients are computed with samples as channels', () => {
  const isMarked = (...[x, shape, options]: Parameters<typeof kernelGradientOf>) =>
    operators(markKernelGradients(kernelGradientOf(x, shape, options), 16)).includes('ConvKernelGradient');

  test('those of whole blocks of samples and filters, for any number of channels', () => {
    expect(isMarked([16, 3, 8, 8], [16, 3, 3, 3])).toBe(true);
    expect(isMarked([48, 5, 8, 8], [32, 5, 3, 3], { strides: 2, pads: 1 })).toBe(true);
  });

  test('not those of other batches or filters, of groups, points and large images', () => {
    expect(isMarked([20, 3, 8, 8], [16, 3, 3, 3])).toBe(false);
    expect(isMarked([16, 3, 8, 8], [20, 3, 3, 3])).toBe(false);
    expect(isMarked([16, 16, 8, 8], [16, 1, 3, 3], { group: 16 })).toBe(false);
    expect(isMarked([16, 3, 8, 8], [16, 3, 1, 1])).toBe(false);
    expect(isMarked([16, 3, 40, 40], [16, 3, 3, 3], { pads: 1 })).toBe(false);
  });

  test('the products of matrices they replace are gone, and no mark is left', () => {
    const graph = kernelGradientOf([16, 3, 8, 8], [16, 3, 3, 3]);
    expect(operators(graph)).toContain('MatMul');
    const lowered = operators(lowerKernelGradients(markKernelGradients(graph, 16), 16));
    expect(lowered).not.toContain('MatMul');
    expect(lowered).not.toContain('ConvKernelGradient');
  });
});

describe.skipIf(channelBlock === undefined)('gives what products of matrices give', () => {
  // Both are float32 sums of the same terms, up to 32 · 14 · 14, in different orders; the terms nearly cancel.
  const tolerance = 5e-6;
  const cases: Record<string, Parameters<typeof kernelGradientOf>> = {
    'one block of samples': [[16, 16, 8, 8], [16, 16, 3, 3], { pads: 1 }],
    'two blocks of samples and of filters': [[32, 16, 14, 14], [32, 16, 3, 3], { pads: 1 }],
    'three channels': [[16, 3, 10, 10], [16, 3, 3, 3], { pads: 1 }],
    'no border': [[16, 16, 8, 8], [16, 16, 3, 3], {}],
    'a large window': [[16, 16, 12, 12], [16, 16, 5, 5], { pads: 2 }],
    'an oblong window': [[16, 16, 9, 7], [16, 16, 1, 3], { pads: [0, 1, 0, 1] }],
    strides: [[32, 16, 12, 12], [32, 16, 3, 3], { strides: 2, pads: 1 }],
    'strides that leave a row and a column unread': [[16, 16, 9, 8], [16, 16, 2, 2], { strides: [3, 3] }],
    dilations: [[16, 16, 11, 11], [16, 16, 3, 3], { dilations: 2, pads: 2 }],
    'strides and dilations': [[16, 16, 13, 13], [16, 16, 3, 3], { strides: 2, dilations: 2, pads: 1 }],
    'a border on one side': [[16, 16, 8, 8], [16, 16, 3, 3], { pads: [2, 0, 0, 1] }],
  };
  test.each(Object.entries(cases))('%s', async (_, call) => {
    expect(await loweringError(kernelGradientOf(...call))).toBeLessThan(tolerance);
  });
});
