import { constant, emit, type Graph, int64s, sameShape, type Value } from '../onnx/graph.ts';

/** Where an operator takes a value it also takes a number, which becomes a float32 scalar constant. */
export type Operand = Value | number;

/** Lifts numbers to constants of the graph that the other operands belong to. */
export function lift(where: string, ...operands: Operand[]): Value[] {
  const graph = graphOf(where, operands);
  return operands.map((operand) => (typeof operand === 'number' ? constant(graph, operand) : operand));
}

function graphOf(where: string, operands: readonly Operand[]): Graph {
  for (const operand of operands) if (typeof operand !== 'number') return operand.graph;
  throw new TypeError(
    `${where}: expected at least one graph value, got only numbers. Compute the constant in JavaScript.`,
  );
}

/** The shape of an elementwise result: axes aligned from the last, sizes equal or 1. */
export function broadcastShape(where: string, ...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[shape.length - rank + axis] ?? 1);
    const size = sizes.find((s) => s !== 1) ?? 1;
    if (sizes.some((s) => s !== 1 && s !== size))
      throw new RangeError(
        `${where}: expected shapes that broadcast, got ${shapes.map((shape) => `[${shape}]`).join(' and ')} at axis ${axis - rank}.`,
      );
    return size;
  });
}

/** The adjoint of broadcasting: sums a gradient over the axes along which `shape` was repeated. */
export function sumTo(gradient: Value, shape: readonly number[]): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const { graph } = gradient;
  const lead = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  const kept = gradient.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const summed =
    axes.length > 0
      ? emit(graph, 'ReduceSum', [gradient, int64s(graph, axes)], { keepdims: 1 }, kept)
      : gradient;
  return sameShape(summed.shape, shape)
    ? summed
    : emit(graph, 'Reshape', [summed, int64s(graph, shape)], {}, shape);
}

/** Axes counted from the end become axes counted from the start. */
export function resolveAxis(where: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new RangeError(`${where}: expected an axis from ${-rank} to ${rank - 1}, got ${axis}.`);
  return axis < 0 ? axis + rank : axis;
}
