import { knownOptions, positiveInteger } from '../option-checks.ts';
import type { ParameterInfo } from '../parameters.ts';
import type { TensorOps } from '../tensor-ops.ts';
import { type Primitive, primitive } from '../transformation.ts';

export interface OrthogonalizeOptions {
  /** Newton–Schulz iterations. @default 5 */
  readonly steps?: number;
}

/**
 * Replaces a matrix by the nearest with orthonormal rows or columns, nearly: all its singular values move to
 * about 1 (0.7 to 1.2), so that weak directions are learnt as fast as strong ones.
 *
 *     G = U Σ Vᵀ,  [out, in]          u ← sqrt(max(1, out / in)) · U f(…f(Σ / ‖G‖)) Vᵀ
 *     f(σ) = 3.4445 σ − 4.7750 σ³ + 2.0315 σ⁵,  `steps` times, by matrix products alone:
 *     X ← 3.4445 X + (−4.7750 A + 2.0315 A²) X,   A = X Xᵀ,   X_0 = G / ‖G‖
 *
 * Shapes: tensors with two axes or more, as matrices `[out, all other axes]`; vectors and scalars pass through.
 * State: none. Params: unused. Blind to the size of the gradient; 0 stays 0. Costs 2 · steps + 1 products with the
 * smaller side squared.
 *
 * @throws RangeError if `steps` is not a whole number >= 1
 * @example
 * chain(trace({ momentum: 0.95, nesterov: true }), orthogonalize(), scaleByLearningRate({ learningRate: 0.02 }))
 * @see Jordan et al. 2024, Muon, https://kellerjordan.github.io/posts/muon
 */
export function orthogonalize(options: OrthogonalizeOptions = {}): Primitive {
  knownOptions('orthogonalize', options, ['steps']);
  const steps = positiveInteger('orthogonalize', 'steps', options.steps ?? 5);
  return primitive({
    name: 'orthogonalize',
    options,
    applies: ({ shape }) => shape.length > 1 && !shape.includes(0),
    update: (ops, g, { parameter }) => ({
      updates: asMatrix(ops, g, parameter, (matrix) => iterated(ops, matrix, steps)),
    }),
  });
}

function iterated<T>(ops: TensorOps<T>, matrix: T, steps: number): T {
  const [rows, columns] = ops.shape(matrix);
  const norm = ops.norm(matrix);
  let x = ops.div(matrix, ops.where(ops.lessEqual(norm, 0), 1, norm));
  // The smaller side is squared.
  if (rows > columns) x = ops.transpose(x, [1, 0]);
  for (let i = 0; i < steps; i++) {
    const a = ops.matmul(x, ops.transpose(x, [1, 0]));
    const b = ops.add(ops.mul(a, -4.775), ops.mul(ops.matmul(a, a), 2.0315));
    x = ops.add(ops.mul(x, 3.4445), ops.matmul(b, x));
  }
  if (rows > columns) x = ops.transpose(x, [1, 0]);
  return rows > columns ? ops.mul(x, Math.sqrt(rows / columns)) : x;
}

/** Applies a function of matrices `[out, in]`, whatever the layout. */
function asMatrix<T>(
  ops: TensorOps<T>,
  x: T,
  { shape, outputAxis }: ParameterInfo,
  change: (matrix: T) => T,
): T {
  const order = [outputAxis, ...shape.map((_, axis) => axis).filter((axis) => axis !== outputAxis)];
  const outputFirst = order.map((axis) => shape[axis]);
  const size = outputFirst.slice(1).reduce((product, length) => product * length, 1);
  const isFirst = outputAxis === 0;
  const front = isFirst ? x : ops.transpose(x, order);
  const back = ops.reshape(change(ops.reshape(front, [outputFirst[0], size])), outputFirst);
  return isFirst
    ? back
    : ops.transpose(
        back,
        shape.map((_, axis) => order.indexOf(axis)),
      );
}
