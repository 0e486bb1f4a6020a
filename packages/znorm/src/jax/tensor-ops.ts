import { numpy as np } from '@jax-js/jax';
import { type Float32Arithmetic, float32Statistics } from '../backends/float32-statistics.ts';
import type { Operand, TensorOps } from '../tensor-ops.ts';

/** What one `tidy` has seen made, and the numbers that the outermost one has turned into arrays. */
interface Scope {
  readonly made: Set<np.Array>;
  readonly numbers: Map<number, np.Array>;
}

let scope: Scope | undefined;

/** Notes an array for the innermost `tidy` to free. Outside of any, it is the caller's alone to free. */
export function own(x: np.Array): np.Array {
  scope?.made.add(x);
  return x;
}

/** jax-js functions free their arguments; operations on `TensorOps` do not, so they pass on a reference of their own. */
function lent(x: Operand<np.Array>): np.Array {
  return typeof x === 'number' ? numberAsArray(x) : x.ref;
}

/**
 * A number as a one-element array, which the compiler reads at run time. It reorders products with a literal,
 * (x · 0.001) · x into (x · x) · 0.001, which overflows at 1e20, and takes NaN · 0 for 0.
 */
function numberAsArray(value: number): np.Array {
  if (!scope) return np.array(Float32Array.of(value)).reshape([]);
  let x = scope.numbers.get(value);
  if (!x) {
    x = np.array(Float32Array.of(value));
    scope.numbers.set(value, x);
  }
  return x.ref.reshape([]);
}

const asFloat32 = (x: np.Array): np.Array => x.astype(np.float32);

const arithmetic = {
  shape: (x) => x.shape,
  full: (shape, value) => own(np.full([...shape], value, { dtype: np.float32 })),
  // jax-js never writes into an array: a second reference to the same data is as good as a copy.
  copy: (x) => own(x.ref.reshape(x.shape)),

  add: (a, b) => own(np.add(lent(a), lent(b))),
  sub: (a, b) => own(np.subtract(lent(a), lent(b))),
  mul: (a, b) => own(np.multiply(lent(a), lent(b))),
  div: (a, b) => own(np.trueDivide(lent(a), lent(b))),
  maximum: (a, b) => own(np.maximum(lent(a), lent(b))),
  minimum: (a, b) => own(np.minimum(lent(a), lent(b))),
  sqrt: (x) => own(np.sqrt(x.ref)),
  abs: (x) => own(np.abs(x.ref)),
  sign: (x) => own(np.sign(x.ref)),

  lessEqual: (a, b) => own(asFloat32(np.lessEqual(lent(a), lent(b)))),
  isFinite: (x) => own(asFloat32(np.isfinite(x.ref))),
  where: (condition, a, b) => own(np.where(np.notEqual(condition.ref, 0), lent(a), lent(b))),

  sum: (x, axes) => own(np.sum(x.ref, axes ? [...axes] : null, { keepdims: axes !== undefined })),
  max: (x, axes) => own(np.max(x.ref, axes ? [...axes] : null, { keepdims: axes !== undefined })),
  pad: (x, axis, count) => own(np.pad(x.ref, { [axis]: [0, count] })),
  reshape: (x, shape) => own(x.ref.reshape([...shape])),

  tidy<R>(body: () => R): R {
    const outer = scope;
    const inner: Scope = { made: new Set(), numbers: outer?.numbers ?? new Map() };
    scope = inner;
    const kept = new Set<unknown>();
    try {
      const result = body();
      findArrays(result, inner.made, kept);
      return result;
    } finally {
      scope = outer;
      for (const x of inner.made) {
        if (kept.has(x)) outer?.made.add(x);
        else x.dispose();
      }
      if (!outer) for (const x of inner.numbers.values()) x.dispose();
    }
  },
} satisfies Float32Arithmetic<np.Array> & Partial<TensorOps<np.Array>>;

/**
 * The operations of a backend on arrays of jax-js, eagerly and under `jit`, for those who call `updateTensors` or
 * write transformations of their own. `jaxTransformation` is built on them.
 *
 * Unlike functions of jax-js they do not consume their arguments; `tidy` frees what is made in between. They read no
 * values: under `jit` there are none yet, and on WebGPU they arrive asynchronously. Arrays live on the default device.
 */
export const jaxOps: TensorOps<np.Array> = {
  ...arithmetic,
  ...float32Statistics<np.Array>(arithmetic),
  transpose: (x, permutation) => own(x.ref.transpose([...permutation])),
  matmul: (a, b) => own(np.matmul(a.ref, b.ref)),
  // There are no strided slices: rows as long as the stride, of which the first column is taken.
  sample(x, stride, offset) {
    const count = Math.max(0, Math.ceil((x.size - offset) / stride));
    if (count === 0) return own(np.zeros([0]));
    const taken = x.ref.reshape([x.size]).slice([offset]);
    const rows = np.pad(taken, [[0, count * stride - (x.size - offset)]]).reshape([count, stride]);
    return own(rows.slice([], 0));
  },
  branch(flag, whenTrue, whenFalse) {
    if (typeof flag === 'number') return flag !== 0 ? whenTrue() : whenFalse();
    const otherwise = whenFalse();
    return whenTrue().map((x, i) => jaxOps.where(flag, x, otherwise[i]));
  },
};

function findArrays(value: unknown, among: ReadonlySet<unknown>, found: Set<unknown>): void {
  if (among.has(value)) found.add(value);
  else if (Array.isArray(value)) for (const item of value) findArrays(item, among, found);
  else if (value !== null && typeof value === 'object' && value.constructor === Object) {
    for (const item of Object.values(value)) findArrays(item, among, found);
  }
}
