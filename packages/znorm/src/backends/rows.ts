/**
 * Walks tensors that broadcast against `shape`, row by row: `visit` gets, for each operand, the offset of the row's
 * first element and the stride to the next one (0 where the operand is stretched), and the row's length. Axes that
 * all operands can walk as one are joined first, so rows are as long as they can be.
 *
 * A reduction is the same walk: its result is an operand of size 1 along the reduced axes.
 */
export function eachRow(
  shape: readonly number[],
  operands: readonly (readonly number[])[],
  visit: (offsets: readonly number[], strides: readonly number[], length: number) => void,
): void {
  const axes = joinedAxes(
    shape,
    operands.map((operand) => stretchedStrides(shape, operand)),
  );
  if (axes.some((axis) => axis.size === 0)) return;
  const row = axes.pop()!;
  const offsets = operands.map(() => 0);
  const index = axes.map(() => 0);
  for (;;) {
    visit(offsets, row.strides, row.size);
    let axis = axes.length - 1;
    for (; axis >= 0; axis--) {
      const { size, strides } = axes[axis];
      index[axis]++;
      for (let k = 0; k < offsets.length; k++) offsets[k] += strides[k];
      if (index[axis] < size) break;
      index[axis] = 0;
      for (let k = 0; k < offsets.length; k++) offsets[k] -= size * strides[k];
    }
    if (axis < 0) return;
  }
}

/** The shape that shapes broadcast to. @throws RangeError naming both shapes if they do not. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((candidate) => candidate !== 1) ?? 1;
    if (sizes.some((other) => other !== 1 && other !== size)) {
      throw new RangeError(
        `arrays: expected shapes that broadcast, got ${shapes.map((shape) => `[${shape}]`).join(' and ')}.`,
      );
    }
    return size;
  });
}

function stretchedStrides(shape: readonly number[], operand: readonly number[]): number[] {
  const strides = shape.map(() => 0);
  let stride = 1;
  for (let axis = operand.length - 1; axis >= 0; axis--) {
    if (operand[axis] !== 1) strides[axis + shape.length - operand.length] = stride;
    stride *= operand[axis];
  }
  return strides;
}

interface Axis {
  readonly size: number;
  /** A stride for each operand. */
  readonly strides: readonly number[];
}

function joinedAxes(shape: readonly number[], strides: readonly (readonly number[])[]): Axis[] {
  const axes: Axis[] = [];
  shape.forEach((size, index) => {
    if (size === 1) return;
    const inner: Axis = { size, strides: strides.map((operand) => operand[index]) };
    const outer = axes.at(-1);
    const together = outer?.strides.every((stride, k) => stride === size * inner.strides[k]);
    if (outer && together) axes[axes.length - 1] = { size: outer.size * size, strides: inner.strides };
    else axes.push(inner);
  });
  return axes.length > 0 ? axes : [{ size: 1, strides: strides.map(() => 0) }];
}
