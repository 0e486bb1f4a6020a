import { emit, int64s, type Value } from '../onnx/graph.ts';
import { reshape, transpose } from './shape.ts';
import { type Window, windowAttributes } from './window.ts';

/** ∂loss/∂x of y = conv(x, kernel), given g = ∂loss/∂y: [N, O, r, c] → [N, C, H, W]. */
export function inputGradient(
  g: Value,
  kernel: Value,
  image: readonly number[],
  window: Window,
  group: number,
): Value {
  const { strides, pads, dilations, kernel: size } = window;
  const reach = size.map((k, axis) => dilations[axis] * (k - 1)) as [number, number];
  const flippable = strides.every((s) => s === 1) && pads.every((p, side) => p <= reach[side % 2]);
  if (flippable) {
    const flipped = flipKernel(kernel, group);
    const full: Window = {
      ...window,
      pads: [reach[0] - pads[0], reach[1] - pads[1], reach[0] - pads[2], reach[1] - pads[3]],
    };
    return emit(g.graph, 'Conv', [g, flipped], { ...windowAttributes(full), group }, image);
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
function flipKernel(kernel: Value, group: number): Value {
  const { graph, shape } = kernel;
  const [o, c, h, w] = shape as [number, number, number, number];
  const steps = int64s(graph, [-1, -1]);
  const far = int64s(graph, [-1000000, -1000000]);
  const rotated =
    h * w > 1 ? emit(graph, 'Slice', [kernel, steps, far, int64s(graph, [2, 3]), steps], {}, shape) : kernel;
  const grouped = reshape(rotated, [group, o / group, c, h, w]);
  return reshape(transpose(grouped, [0, 2, 1, 3, 4]), [group * c, o / group, h, w]);
}
