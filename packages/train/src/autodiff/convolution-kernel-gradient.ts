import { constant, emit, int64s, type Value } from '../onnx/graph.ts';
import { gather } from './indexing.ts';
import { matmul, swapLast } from './matmul.ts';
import { reduceSum } from './reduction.ts';
import { pad, reshape, slice, transpose } from './shape.ts';
import type { Window } from './window.ts';

/**
 * ∂loss/∂kernel of y = conv(x, kernel), given g = ∂loss/∂y:
 *
 *     ∂kernel[o, i, u, v] = Σ_{n, r, c} g[n, o, r, c] · x[n, i, r·s + u·d − p, c·s + v·d − p]
 *
 * A product of two matrices once the shifted copies of x (or of g) lie side by side. Making the copies
 * costs more than the product, so which copies are made matters; see the three functions below.
 *
 * Milliseconds on one thread, 3×3, stride 1, as many filters as channels (ONNX Runtime 1.30, AVX-512):
 *
 *     x                9 slices, then concat   all offsets at once   rows × columns   rows by Gather × columns
 *     64×16×32×32      29                      22                    9.0              7.6
 *     64×32×16×16      14                      9.2                   6.3              5.5
 *     64×64×8×8        5.8                     5.4                   4.8              3.9
 */
export function kernelGradient(
  x: Value,
  g: Value,
  kernelShape: readonly number[],
  window: Window,
  group: number,
): Value {
  const { kernel, strides, pads, dilations } = window;
  if (kernel[0] * kernel[1] === 1 && pads.every((p) => p === 0))
    return byPoints(x, g, kernelShape, window, group);
  const gradient = byCopies(x, g, kernelShape, window, group);
  if (group === 1) x.graph.kernelGradients.set(gradient, { x, g, strides, pads, dilations });
  return gradient;
}

function byCopies(x: Value, g: Value, kernelShape: readonly number[], window: Window, group: number): Value {
  const { strides, pads, dilations } = window;
  // Shifting g sideways is the inverse of shifting x only where windows are one column apart and no
  // padding column lies outside every window.
  const reach = dilations[1] * (window.kernel[1] - 1);
  if (group === 1 && strides[1] === 1 && pads[1] <= reach && pads[3] <= reach)
    return byRowsAndColumns(x, g, kernelShape, window);
  return byPatches(x, g, kernelShape, window, group);
}

/** 1×1 kernels: each window is one element. */
function byPoints(x: Value, g: Value, kernelShape: readonly number[], window: Window, group: number): Value {
  const { strides, positions } = window;
  const end = (axis: 0 | 1) => (positions[axis] - 1) * strides[axis] + 1;
  const rows = slice(x, { axis: 2, end: end(0), step: strides[0] });
  const points = slice(rows, { axis: 3, end: end(1), step: strides[1] });
  return sumOfProducts(g, points, kernelShape, group);
}

/**
 * The h row-shifted copies of x against the w column-shifted copies of g: every pair is one kernel offset.
 *
 *     X[i, u][r, c] = x[i, r·s + u·d − p, c],   G[o, v][r, c] = g[o, r, c + p − v·d]
 *     ∂kernel[o, i, u, v] = Σ_{n, r, c} G[o, v][r, c] · X[i, u][r, c]
 */
function byRowsAndColumns(x: Value, g: Value, kernelShape: readonly number[], window: Window): Value {
  const { strides, pads, dilations, positions } = window;
  const [o, channels, h, w] = kernelShape as [number, number, number, number];
  const width = x.shape[3];
  const reach = dilations[1] * (w - 1);
  // Rows are contiguous, so a Gather copies them whole: faster than a convolution, which it cannot be for columns.
  const rows = Array.from(
    { length: h * positions[0] },
    (_, k) => (k % positions[0]) * strides[0] + Math.floor(k / positions[0]) * dilations[0],
  );
  const padded = pad(x, { before: [0, 0, pads[0], 0], after: [0, 0, pads[2], 0] });
  const rowCopies = gather(padded, int64s(x.graph, rows), { axis: 2 });
  const columnCopies = shiftedCopies(g, [1, w], true, [positions[0], width], {
    strides: [1, 1],
    pads: [0, reach - pads[1], 0, reach - pads[3]],
    dilations: [1, dilations[1]],
  });
  const products = sumOfProducts(
    columnCopies,
    reshape(rowCopies, [x.shape[0], channels * h, positions[0], width]),
    [o, w, channels, h],
    1,
  );
  return transpose(products, [0, 2, 3, 1]);
}

/** Every offset's copy of x: h·w times its size, but right for any stride, border and group. */
function byPatches(x: Value, g: Value, kernelShape: readonly number[], window: Window, group: number): Value {
  const patches = shiftedCopies(x, window.kernel, false, window.positions, window);
  return sumOfProducts(g, patches, kernelShape, group);
}

/**
 * [N, C, H, W] → [N, C·h·w, r, c]: for each offset of a window its elements at all positions, by a
 * depthwise convolution with one-hot kernels (ONNX Runtime runs it on all threads, unlike Slice and Concat).
 */
function shiftedCopies(
  x: Value,
  [h, w]: readonly [number, number],
  reversed: boolean,
  positions: readonly [number, number],
  { strides, pads, dilations }: Pick<Window, 'strides' | 'pads' | 'dilations'>,
): Value {
  const [n, channels] = x.shape as [number, number];
  const offsets = h * w;
  const oneHot = new Float32Array(channels * offsets * offsets);
  for (let copy = 0; copy < channels * offsets; copy++) {
    const offset = copy % offsets;
    oneHot[copy * offsets + (reversed ? offsets - 1 - offset : offset)] = 1;
  }
  return emit(
    x.graph,
    'Conv',
    [x, constant(x.graph, oneHot, [channels * offsets, 1, h, w])],
    { kernel_shape: [h, w], strides, pads, dilations, group: channels },
    [n, channels * offsets, ...positions],
  );
}

/** Σₙ a[n, k, :, :] · b[n, l, :, :] for every k and l of a group: [N, G·K, r, c], [N, G·L, r, c] → `shape` of G·K·L elements. */
function sumOfProducts(a: Value, b: Value, shape: readonly number[], group: number): Value {
  const rows = (value: Value) => {
    const [n, channels, height, width] = value.shape as [number, number, number, number];
    const lead = group === 1 ? [n] : [n, group];
    return reshape(value, [...lead, channels / group, height * width]);
  };
  const perImage = matmul(rows(a), swapLast(rows(b)));
  return reshape(reduceSum(perImage, { axes: [0] }), shape);
}
