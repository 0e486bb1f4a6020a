/** Rotary position embedding. */
import { constant, type Value } from '../onnx/graph.ts';
import { add, mul, sub } from './arithmetic.ts';
import { gather } from './indexing.ts';
import { concat, reshape, split } from './shape.ts';
import { differentiable } from './tape.ts';

export interface RotaryOptions {
  /** Divides the width D into this many heads, each of even size d. */
  readonly heads: number;
  /** Rotates by `base^(−2i/d)` a position, for the pair i. @default 10000 */
  readonly base?: number;
  /** Where the T vectors stand: int64 or int32 [T], below `limit`. @default 0 … T − 1 */
  readonly positions?: Value;
  /** Largest position + 1, where `positions` are given. @default T */
  readonly limit?: number;
}

/**
 * Rotates pairs of numbers by angles that grow with the position, so that the product of two rotated vectors depends on
 * their distance only. In each head of size d, number i forms a pair with number i + d/2:
 *
 *     y_i = x_i cos θ − x_{i+d/2} sin θ,   y_{i+d/2} = x_{i+d/2} cos θ + x_i sin θ,   θ = t · base^(−2i/d)
 *
 * The gradient is rotated back.
 *
 * @param x [N, T, D]
 * @throws RangeError if heads do not divide the width into even sizes
 * @see Su et al. 2021, arXiv 2104.09864
 */
export function rotary(x: Value, options: RotaryOptions): Value {
  const { heads, base = 10000, positions, limit = x.shape[1] } = options;
  const [n, t, width] = x.shape as [number, number, number];
  const half = width / heads / 2;
  if (x.shape.length !== 3 || !Number.isInteger(half))
    throw new RangeError(
      `rotary: expected a tensor [N, T, D] with D divided by ${heads} heads into an even size, got [${x.shape}].`,
    );
  const table = (f: (angle: number) => number) => {
    const rows = Float32Array.from({ length: limit * half }, (_, k) =>
      f(Math.floor(k / half) * base ** (-(k % half) / half)),
    );
    const all = constant(x.graph, rows, [limit, half]);
    return reshape(positions ? gather(all, positions) : all, [t, 1, half]);
  };
  const [cosine, sine] = [table(Math.cos), table(Math.sin)];

  const rotate = (value: Value, direction: typeof add): Value => {
    const pairs = reshape(value, [n, t, heads, 2 * half]);
    const [first, second] = split(pairs, { axis: 3, sizes: [half, half] });
    const opposite = direction === add ? sub : add;
    const turned = concat(
      [opposite(mul(first, cosine), mul(second, sine)), direction(mul(second, cosine), mul(first, sine))],
      3,
    );
    return reshape(turned, x.shape);
  };
  return differentiable(rotate(x, add), [x], [(g) => rotate(g, sub)]);
}
