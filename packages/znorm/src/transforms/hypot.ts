import type { TensorOps } from '../tensor-ops.ts';

/**
 * The norm of a whole from the norms of its parts, element by element:
 *
 *     hypot(x_1, …, x_n) = sqrt(Σ x_i²)
 *
 * Squares are taken of x_i / max|x|, so that a carrier with float32 only neither overflows at 1e20 nor vanishes at
 * 1e-24. The divisor stays between 2^-125 and 2^127: all zeros give 0, an infinity gives infinity, NaN gives NaN.
 */
export function hypot<T>(ops: TensorOps<T>, terms: readonly T[]): T {
  const largest = terms.map((term) => ops.abs(term)).reduce((a, b) => ops.maximum(a, b));
  const unit = ops.minimum(ops.maximum(largest, 2 ** -125), 2 ** 127);
  const squares = terms.map((term) => {
    const scaled = ops.div(term, unit);
    return ops.mul(scaled, scaled);
  });
  return ops.mul(ops.sqrt(squares.reduce((sum, square) => ops.add(sum, square))), unit);
}
