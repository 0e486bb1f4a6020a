import { emit, int64s, type Value } from '../onnx/graph.ts';
import { reshape, transpose } from './shape.ts';
import { type Window, windowAttributes } from './window.ts';

/**
 * ∂loss/∂x of y = conv(x, kernel), given g = ∂loss/∂y: [N, O, r, c] → [N, C, H, W].
 *
 * At stride 1 it is a convolution of g with the rotated kernel, which runs on the fastest kernels. For strides
 * ONNX's ConvTranspose, though it has one thread: one convolution for all phases and DepthToSpace took 4.1 ms
 * against 2.7 ([64, 32, 16, 16] to [64, 16, 32, 32], 3×3, one thread; on two 3.5 against 2.7).
 */
export function inputGradient(
  g: Value,
  kernel: Value,
  image: readonly number[],
  window: Window,
  group: number,
): Value {
  const { strides, pads, dilations, kernel: size } = window;
  const reach = size.map((k, axis) => dilations[axis] * (k - 1)) as [number, number];
  const rotatable = strides.every((s) => s === 1) && pads.every((p, side) => p <= reach[side % 2]);
  if (rotatable) {
    const rotated = rotate(kernel, group);
    const full: Window = {
      ...window,
      pads: [reach[0] - pads[0], reach[1] - pads[1], reach[0] - pads[2], reach[1] - pads[3]],
    };
    return emit(g.graph, 'Conv', [g, rotated], { ...windowAttributes(full), group }, image);
  }
  // Rows and columns at the far side that no window reached.
  const unread = ([0, 1] as const).map(
    (axis) =>
      image[2 + axis] +
      pads[axis] +
      pads[axis + 2] -
      reach[axis] -
      1 -
      (window.positions[axis] - 1) * strides[axis],
  );
  return emit(
    g.graph,
    'ConvTranspose',
    [g, kernel],
    { ...windowAttributes(window), group, output_padding: unread },
    image,
  );
}

/** [O, C/G, h, w] → [C, O/G, h, w], rotated by 180°. */
function rotate(kernel: Value, group: number): Value {
  const { graph, shape } = kernel;
  const [o, c, h, w] = shape as [number, number, number, number];
  const steps = int64s(graph, [-1, -1]);
  const far = int64s(graph, [-1000000, -1000000]);
  const rotated =
    h * w > 1 ? emit(graph, 'Slice', [kernel, steps, far, int64s(graph, [2, 3]), steps], {}, shape) : kernel;
  const grouped = reshape(rotated, [group, o / group, c, h, w]);
  return reshape(transpose(grouped, [0, 2, 1, 3, 4]), [group * c, o / group, h, w]);
}
