import { emit, int64s, type Value } from '../onnx/graph.ts';
import { matmul, swapLast } from './matmul.ts';
import { reduceSum } from './reduction.ts';
import { concat, pad, reshape } from './shape.ts';
import type { Window } from './window.ts';

/** ∂loss/∂kernel of y = conv(x, kernel), given g = ∂loss/∂y. */
export function kernelGradient(
  x: Value,
  g: Value,
  kernelShape: readonly number[],
  window: Window,
  group: number,
): Value {
  const [n, o, rows, cols] = g.shape as [number, number, number, number];
  const [, perGroup, h, w] = kernelShape as [number, number, number, number];
  const { strides, pads, dilations } = window;
  const padded = pad(x, { before: [0, 0, pads[0], pads[1]], after: [0, 0, pads[2], pads[3]] });
  const { graph } = x;
  const patches: Value[] = [];
  for (let u = 0; u < h; u++)
    for (let v = 0; v < w; v++) {
      const start = [u * dilations[0], v * dilations[1]];
      const end = [start[0]! + (rows - 1) * strides[0] + 1, start[1]! + (cols - 1) * strides[1] + 1];
      const taken = emit(
        graph,
        'Slice',
        [padded, int64s(graph, start), int64s(graph, end), int64s(graph, [2, 3]), int64s(graph, strides)],
        {},
        [n, x.shape[1]!, rows, cols],
      );
      patches.push(reshape(taken, [n, group, perGroup, 1, rows * cols]));
    }
  const columns = reshape(concat(patches, 3), [n, group, perGroup * h * w, rows * cols]);
  const perImage = matmul(reshape(g, [n, group, o / group, rows * cols]), swapLast(columns));
  return reshape(reduceSum(perImage, { axes: [0] }), kernelShape);
}
