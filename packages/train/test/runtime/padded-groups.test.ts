import { expect, test } from 'vitest';
import { constant, createGraph, emit, input, output } from '../../src/onnx/graph.ts';
import { toModelBytes } from '../../src/onnx/model.ts';
import { padGroups } from '../../src/runtime/padded-groups.ts';
import { createSession } from '../../src/runtime/session.ts';
import { relativeError } from '../autodiff/operator-check.ts';

/** A convolution of 3 groups with `each` outputs a group, stride 2, and a bias. */
function grouped(each: number) {
  const graph = createGraph();
  const x = input(graph, 'x', [2, 6, 5, 5]);
  const waves = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(1.3 * i));
  const kernel = constant(graph, waves(3 * each * 2 * 9), [3 * each, 2, 3, 3]);
  const bias = constant(graph, waves(3 * each));
  const attributes = {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    dilations: [1, 1],
    group: 3,
  };
  output(emit(graph, 'Conv', [x, kernel, bias], attributes, [2, 3 * each, 3, 3]), 'y');
  return graph;
}

test.each([5, 6, 9])('a group of %d outputs is filled up, and gives what it gave', async (each) => {
  const graph = grouped(each);
  const padded = padGroups(graph);
  expect(padded.nodes.find(({ opType }) => opType === 'Conv')!.outputs[0]!.shape[1]! % 4).toBe(0);
  const feeds = {
    x: { shape: [2, 6, 5, 5], data: Float32Array.from({ length: 300 }, (_, i) => Math.cos(i)) },
  };
  const [expected, found] = await Promise.all(
    [graph, padded].map(async (model) => {
      const y = { shape: [2, 3 * each, 3, 3], data: new Float32Array(2 * 3 * each * 9) };
      const session = await createSession(toModelBytes(model), { engine: 'native' });
      await session.run(feeds, { y });
      await session.release();
      return y.data;
    }),
  );
  // Another kernel of ONNX Runtime, which may add the 18 products in another order.
  expect(relativeError(found!, expected!)).toBeLessThanOrEqual(1e-6);
});

test.each([1, 4, 8])('groups of %d outputs stay as they are', (each) => {
  const graph = grouped(each);
  expect(padGroups(graph).nodes).toEqual(graph.nodes);
});
