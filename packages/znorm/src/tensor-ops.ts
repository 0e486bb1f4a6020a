/** A tensor of the backend, or a plain number that broadcasts against any shape. */
export type Operand<T> = T | number;

/**
 * All that a backend must offer. Every transformation is written against these operations and nothing else, so the
 * same definition runs on plain arrays, on TensorFlow.js, on jax-js under `jit`, and as nodes of an ONNX graph.
 *
 * Rules that every backend keeps (one conformance suite tests them):
 *
 * - **Pure.** No operation consumes or changes its operands. What it returns belongs to the caller.
 * - **Broadcasting** as in NumPy: axes align from the last, size 1 stretches. Two numbers give a scalar tensor.
 * - **Reductions** without `axes` run over everything and give a scalar (shape `[]`); with `axes` they keep the
 *   reduced axes at size 1, so the result broadcasts back.
 * - **Statistics are exact** (`mean`, `moments`, `norm`): accumulated in float64, or compensated and rescaled where
 *   a carrier has float32 only (`float32Statistics` does that). A constant tensor has a deviation of 0, or of next to
 *   nothing, not of one rounding error, and neither 1e20 nor 1e-24 overflows or vanishes when squared.
 * - **In the order written.** A compiler that makes (x · x) · 0.001 of (x · 0.001) · x overflows at 1e20.
 * - **NaN and infinity propagate**, through `max` and times 0 too; comparisons with NaN are false.
 */
export interface TensorOps<T> {
  shape(x: T): readonly number[];
  /** A tensor of one value. */
  full(shape: readonly number[], value: number): T;
  /** A tensor of these values, row-major. Absent where values can only be fed (under `jit`, in a graph). */
  tensor?(values: Float32Array, shape: readonly number[]): T;
  /** The same values in storage of their own: for state that outlives its source. */
  copy(x: T): T;

  add(a: Operand<T>, b: Operand<T>): T;
  sub(a: Operand<T>, b: Operand<T>): T;
  mul(a: Operand<T>, b: Operand<T>): T;
  div(a: Operand<T>, b: Operand<T>): T;
  maximum(a: Operand<T>, b: Operand<T>): T;
  minimum(a: Operand<T>, b: Operand<T>): T;
  /** a·x + b·y for scalars a, b, rounded once. Optional: two products and a sum where it is absent. */
  weightedSum?(a: Operand<T>, x: Operand<T>, b: Operand<T>, y: Operand<T>): T;
  sqrt(x: T): T;
  abs(x: T): T;
  sign(x: T): T;

  /** 1 where a <= b, else 0 (0 where either is NaN). */
  lessEqual(a: Operand<T>, b: Operand<T>): T;
  /** 1 where x is neither NaN nor infinite, else 0. */
  isFinite(x: T): T;
  /** `a` where the condition is not 0, else `b`; takes neither's NaN from the side not chosen. */
  where(condition: T, a: Operand<T>, b: Operand<T>): T;

  sum(x: T, axes?: readonly number[]): T;
  max(x: T, axes?: readonly number[]): T;
  mean(x: T, axes?: readonly number[]): T;
  /** Euclidean norm. */
  norm(x: T, axes?: readonly number[]): T;
  /** Mean and population standard deviation, sqrt(mean((x − mean)²)). */
  moments(x: T, axes?: readonly number[]): Moments<T>;

  reshape(x: T, shape: readonly number[]): T;
  transpose(x: T, permutation: readonly number[]): T;
  /** Product of two matrices `[m, k] × [k, n]`. */
  matmul(a: T, b: T): T;
  /** Elements `offset, offset + stride, …` of the flattened tensor: `[ceil((size − offset) / stride)]`. */
  sample(x: T, stride: number, offset: number): T;

  /**
   * One of two computations. A carrier that knows the flag's value runs only the chosen one; a carrier that is
   * tracing builds both and selects. Both sides give tensors of the same shapes.
   */
  branch(flag: Operand<T>, whenTrue: () => readonly T[], whenFalse: () => readonly T[]): readonly T[];
  /** Runs `body` and frees every tensor made inside it that it does not return, alone or in nested records and lists. */
  tidy<R>(body: () => R): R;
  /** The value of a one-element tensor. Absent where values are not known yet (under `jit`, in a graph). */
  toNumber?(x: T): number;
}

export interface Moments<T> {
  readonly mean: T;
  readonly std: T;
}

/** a·x + b·y for scalars a, b: what moving averages are made of, in one pass where the backend has one. */
export function weightedSum<T>(
  ops: TensorOps<T>,
  a: Operand<T>,
  x: Operand<T>,
  b: Operand<T>,
  y: Operand<T>,
): T {
  return ops.weightedSum?.(a, x, b, y) ?? ops.add(ops.mul(a, x), ops.mul(b, y));
}
