/** Reading by index: embeddings, label lookup. */
import { elementCount, emit, int64s, type Value, zeros } from '../onnx/graph.ts';
import { resolveAxis } from './broadcast.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';

/**
 * Slices of x along an axis, chosen by an int64 tensor of any shape; an embedding lookup for axis 0.
 *
 *     y[..., i₁…iₙ, ...] = x[..., indices[i₁…iₙ], ...]
 *
 * The gradient adds up at indices that occur more than once.
 * @param options.axis @default 0
 */
export function gather(x: Value, indices: Value, { axis = 0 }: { axis?: number } = {}): Value {
  const along = resolveAxis('gather', axis, x.shape.length);
  if (indices.dtype !== 'int64' && indices.dtype !== 'int32')
    throw new TypeError(`gather: expected indices of type int64 or int32, got ${indices.dtype}.`);
  const outer = x.shape.slice(0, along);
  const inner = x.shape.slice(along + 1);
  const y = emit(x.graph, 'Gather', [x, indices], { axis: along }, [...outer, ...indices.shape, ...inner]);
  return differentiable(y, [x, indices], [(g) => scatterAdd(g, x, indices, along), undefined]);
}

/** Zeros of x's shape, plus every slice of `updates` at its index along the axis. */
function scatterAdd(updates: Value, x: Value, indices: Value, axis: number): Value {
  const { graph } = x;
  const count = elementCount(indices.shape);
  const outer = x.shape.slice(0, axis);
  const inner = x.shape.slice(axis + 1);
  const flat = [...outer, count, ...inner];
  const column = reshape(indices, [...outer.map(() => 1), count, ...inner.map(() => 1)]);
  const spread = emit(graph, 'Expand', [column, int64s(graph, flat)], {}, flat, indices.dtype);
  return emit(
    graph,
    'ScatterElements',
    [zeros(graph, x.shape), spread, reshape(updates, flat)],
    { axis, reduction: 'add' },
    x.shape,
  );
}
