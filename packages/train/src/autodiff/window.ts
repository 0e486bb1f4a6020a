/** Geometry that convolution and pooling share: a window sliding over the last two axes of [N, C, H, W]. */

/** One number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/** One number for all sides, or [top, left, bottom, right] as in ONNX. */
export type Pads = number | readonly [number, number, number, number];

export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  /** Positions of the window: [rows, columns]. */
  readonly positions: readonly [number, number];
}

export interface WindowOptions {
  /** Distance between windows. @default 1 */
  readonly strides?: Pair;
  /** Border added to the image; it takes no part in maxima or sums. @default 0 */
  readonly pads?: Pads;
  /** Distance between elements of one window. @default 1 */
  readonly dilations?: Pair;
}

export function slidingWindow(
  where: string,
  image: readonly number[],
  kernel: readonly [number, number],
  options: WindowOptions,
): Window {
  if (image.length !== 4)
    throw new RangeError(`${where}: expected an input of shape [N, C, H, W], got [${image}].`);
  const strides = pair(options.strides ?? 1);
  const dilations = pair(options.dilations ?? 1);
  const pads = sides(options.pads ?? 0);
  for (const [name, sizes, least] of [
    ['kernel', kernel, 1],
    ['strides', strides, 1],
    ['dilations', dilations, 1],
    ['pads', pads, 0],
  ] as const)
    if (sizes.some((size) => !Number.isInteger(size) || size < least))
      throw new RangeError(`${where}: expected ${name} of integers >= ${least}, got [${sizes}].`);
  const position = (axis: 0 | 1) => {
    const padded = image[2 + axis] + pads[axis] + pads[axis + 2];
    const extent = dilations[axis] * (kernel[axis] - 1) + 1;
    if (extent > padded)
      throw new RangeError(
        `${where}: expected a window of at most ${padded} ${axis === 0 ? 'rows' : 'columns'} (input [${image}] with pads [${pads}]), got ${extent}.`,
      );
    return Math.floor((padded - extent) / strides[axis]) + 1;
  };
  return { kernel, strides, pads, dilations, positions: [position(0), position(1)] };
}

export function pair(size: Pair): readonly [number, number] {
  return typeof size === 'number' ? [size, size] : size;
}

function sides(pads: Pads): readonly [number, number, number, number] {
  return typeof pads === 'number' ? [pads, pads, pads, pads] : pads;
}

/** The ONNX attributes of Conv and the poolings. */
export function windowAttributes({ kernel, strides, pads, dilations }: Window) {
  return { kernel_shape: kernel, strides, pads, dilations };
}

/** The image size for which a sliding window has the given positions, plus `extra` rows and columns it does not reach. */
export function enlarged(
  positions: readonly [number, number],
  kernel: readonly [number, number],
  extra: readonly [number, number],
  options: WindowOptions,
): [number, number] {
  const strides = pair(options.strides ?? 1);
  const dilations = pair(options.dilations ?? 1);
  const pads = sides(options.pads ?? 0);
  const size = (axis: 0 | 1) =>
    (positions[axis] - 1) * strides[axis] +
    dilations[axis] * (kernel[axis] - 1) +
    1 -
    pads[axis] -
    pads[axis + 2] +
    extra[axis];
  return [size(0), size(1)];
}
