import { sizeOf } from '../parameters.ts';
import type { TensorOps } from '../tensor-ops.ts';

/** Plain float32 operations, of which statistics are composed. Their `sum` may be as careless as a running total. */
export interface Float32Arithmetic<T>
  extends Pick<
    TensorOps<T>,
    | 'shape'
    | 'full'
    | 'copy'
    | 'reshape'
    | 'add'
    | 'sub'
    | 'mul'
    | 'div'
    | 'sqrt'
    | 'abs'
    | 'maximum'
    | 'minimum'
    | 'isFinite'
    | 'where'
    | 'sum'
    | 'tidy'
  > {
  /** `count` zeros after the end of one axis. */
  pad(x: T, axis: number, count: number): T;
  /** Whether `sum` adds in a tree, as GPUs do: then it is used as it is. @default false */
  readonly addsInTree?: boolean;
}

/**
 * The statistics that `TensorOps` asks for, for a carrier that has float32 only and sums one element after the other.
 * Three measures against rounding, each one step of arithmetic on whole tensors:
 *
 * - sums are taken in blocks of 32, then in blocks of block sums: the error grows with the number of levels, not with
 *   the number of elements (a running total of 147,456 times 0.1 is off by a thousandth);
 * - the mean is found, subtracted, and the mean of what is left is added: m ← m + mean(x − m), so that a constant
 *   tensor keeps a deviation of next to nothing;
 * - squares are taken of x / mean|x|, so that 1e20 does not overflow and 1e-24 does not vanish (the mean and not the
 *   maximum, which compilers do not vectorize: a tenth of the time on jax-js).
 *
 * Finite results for |x| up to 1e33 and 100,000 elements; beyond, the sum of x itself overflows.
 *
 *     const backend: TensorOps<MyTensor> = { ...arithmetic, ...float32Statistics(arithmetic) };
 */
export function float32Statistics<T>(
  ops: Float32Arithmetic<T>,
): Pick<TensorOps<T>, 'sum' | 'mean' | 'norm' | 'moments'> {
  type Axes = readonly number[] | undefined;

  function sum(x: T, axes: Axes): T {
    const shape = ops.shape(x);
    const kept = keptShape(shape, axes);
    if (sizeOf(shape) === 0) return ops.full(kept, 0);
    if (ops.addsInTree) return ops.sum(x, axes);
    const { sizes, reduced } = joinedAxes(shape, axes);
    const total = reduced.reduce(sumAlong, ops.reshape(x, sizes));
    return ops.reshape(total, kept);
  }

  function sumAlong(x: T, axis: number): T {
    const shape = ops.shape(x);
    if (shape[axis] <= longestBlock) return ops.sum(x, [axis]);
    const length = blockLength(shape[axis]);
    const count = Math.ceil(shape[axis] / length);
    const missing = count * length - shape[axis];
    const padded = missing === 0 ? x : ops.pad(x, axis, missing);
    const blocks = ops.reshape(padded, [...shape.slice(0, axis), count, length, ...shape.slice(axis + 1)]);
    return sumAlong(ops.reshape(ops.sum(blocks, [axis + 1]), shape.with(axis, count)), axis);
  }

  function roughMean(x: T, axes: Axes): T {
    const shape = ops.shape(x);
    const kept = keptShape(shape, axes);
    if (sizeOf(shape) === 0) return ops.full(kept, Number.NaN);
    return ops.div(sum(x, axes), sizeOf(shape) / sizeOf(kept));
  }

  /** The mean, and x − mean more exactly than by subtracting it. */
  function centred(x: T, axes: Axes): { mean: T; distance: T } {
    const guess = roughMean(x, axes);
    const distance = ops.sub(x, guess);
    const correction = roughMean(distance, axes);
    return {
      // An infinite mean has no correction: it is ∞ − ∞.
      mean: ops.where(ops.isFinite(guess), ops.add(guess, correction), guess),
      distance: ops.sub(distance, correction),
    };
  }

  /** unit² · squares = Σ x², with the unit near mean|x|. In its bounds 0 / unit is 0 and ∞ / unit is ∞. */
  function sumOfSquares(x: T, axes: Axes): { squares: T; unit: T } {
    const unit = ops.minimum(ops.maximum(roughMean(ops.abs(x), axes), 2 ** -125), 2 ** 127);
    const scaled = ops.div(x, unit);
    return { squares: sum(ops.mul(scaled, scaled), axes), unit };
  }

  return {
    sum: (x, axes) => ops.tidy(() => sum(x, axes)),
    mean: (x, axes) => ops.tidy(() => centred(x, axes).mean),
    norm: (x, axes) =>
      ops.tidy(() => {
        const shape = ops.shape(x);
        if (sizeOf(shape) === 0) return ops.full(keptShape(shape, axes), 0);
        const { squares, unit } = sumOfSquares(x, axes);
        return ops.mul(ops.sqrt(squares), unit);
      }),
    moments: (x, axes) =>
      ops.tidy(() => {
        const { mean, distance } = centred(x, axes);
        const shape = ops.shape(x);
        if (sizeOf(shape) === 0) return { mean, std: ops.copy(mean) };
        const { squares, unit } = sumOfSquares(distance, axes);
        const count = sizeOf(shape) / sizeOf(ops.shape(mean));
        return { mean, std: ops.mul(ops.sqrt(ops.div(squares, count)), unit) };
      }),
  };
}

const longestBlock = 32;

/** A length that divides the axis where there is one, so that nothing is padded. */
function blockLength(size: number): number {
  for (let length = longestBlock; length > longestBlock / 2; length--) if (size % length === 0) return length;
  return longestBlock;
}

function keptShape(shape: readonly number[], axes: readonly number[] | undefined): number[] {
  return axes === undefined ? [] : shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

/** The same reduction on fewer axes: neighbours that are reduced together, or kept together, become one. */
function joinedAxes(
  shape: readonly number[],
  axes: readonly number[] | undefined,
): { sizes: number[]; reduced: number[] } {
  const sizes: number[] = [];
  const reduced: number[] = [];
  let before: boolean | undefined;
  shape.forEach((size, axis) => {
    const isReduced = axes === undefined || axes.includes(axis);
    if (isReduced === before) sizes[sizes.length - 1] *= size;
    else sizes.push(size);
    if (isReduced && !before) reduced.push(sizes.length - 1);
    before = isReduced;
  });
  return { sizes, reduced };
}
