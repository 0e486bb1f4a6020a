/** Reading by index: embeddings, label lookup. */
import { constant, elementCount, emit, int64s, type Value, zeros } from '../onnx/graph.ts';
import { cast } from './arithmetic.ts';
import { resolveAxis } from './broadcast.ts';
import { gemm } from './matmul.ts';
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

/** Up to this many rows, adding up rows of a table is a product of matrices. */
const rowsOfProduct = 512;

/**
 * Zeros of x's shape, plus every slice of `updates` at its index along the axis.
 *
 * Rows of a small table are added up by a product with a matrix of zeros and ones. Milliseconds for 2,048 indices of
 * rows of 128 numbers, two threads:
 *
 *     rows of the table     96    1024
 *     product              0.5     3.2
 *     ScatterElements      1.9     2.0
 *
 * ScatterND needs 0.05 and is of no use: its threads add to the same row at the same time, and lose some.
 */
function scatterAdd(updates: Value, x: Value, indices: Value, axis: number): Value {
  const { graph } = x;
  const count = elementCount(indices.shape);
  const outer = x.shape.slice(0, axis);
  const inner = x.shape.slice(axis + 1);
  if (axis === 0 && x.shape[0] <= rowsOfProduct) {
    const flat = reshape(updates, [count, elementCount(inner)]);
    return reshape(gemm(oneHotColumns(indices, x.shape[0], count), flat), x.shape);
  }
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

/** [depth, count]: 1 where the row is the column's index, which like ONNX's may count from the end. */
function oneHotColumns(indices: Value, depth: number, count: number): Value {
  const { graph } = indices;
  const wide = cast(reshape(indices, [count]), 'int64');
  const size = constant(graph, BigInt64Array.of(BigInt(depth)), []);
  const offOn = constant(graph, Float32Array.of(0, 1));
  return emit(graph, 'OneHot', [wide, size, offOn], { axis: 0 }, [depth, count], 'float32');
}
