import { defaultDevice, init, jit, numpy as np } from '@jax-js/jax';
import type { ArrayTensor } from '../../src/backends/arrays.ts';
import { type Float32Arithmetic, float32Statistics } from '../../src/backends/float32-statistics.ts';
import type { Named } from '../../src/parameters.ts';
import type { Operand, TensorOps } from '../../src/tensor-ops.ts';
import { type Carrier, mapNamed } from './carrier.ts';

type Tensor = np.Array;

/** What the innermost `tidy` has seen made. Outside of any, results are the caller's alone to free. */
let made: Set<Tensor> | undefined;

function own(x: Tensor): Tensor {
  made?.add(x);
  return x;
}

/** jax-js functions free their arguments; ours do not, so they pass on a reference of their own. */
function lent(x: Operand<Tensor>): Tensor {
  return typeof x === 'number' ? scalar(x).ref.reshape([]) : x.ref;
}

/**
 * A number as a one-element array, which the compiler reads at run time. It reorders products with a literal,
 * (x · 0.001) · x into (x · x) · 0.001, which overflows at 1e20, and takes NaN · 0 for 0.
 */
const scalars = new Map<number, Tensor>();

function scalar(value: number): Tensor {
  const known = scalars.get(value);
  if (known) return known;
  const x = np.array(Float32Array.of(value));
  scalars.set(value, x);
  return x;
}

const asFloat32 = (x: Tensor): Tensor => x.astype(np.float32);

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
    const outer = made;
    const mine = new Set<Tensor>();
    made = mine;
    const kept = new Set<unknown>();
    try {
      const result = body();
      findTensors(result, mine, kept);
      return result;
    } finally {
      made = outer;
      for (const x of mine) {
        if (kept.has(x)) outer?.add(x);
        else x.dispose();
      }
    }
  },
} satisfies Float32Arithmetic<Tensor> & Partial<TensorOps<Tensor>>;

/**
 * jax-js, eagerly and under `jit`. It reads no values: under `jit` there are none yet, and outside they arrive
 * asynchronously.
 */
export const jax: TensorOps<Tensor> = {
  ...arithmetic,
  ...float32Statistics<Tensor>(arithmetic),
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
    return whenTrue().map((x, i) => jax.where(flag, x, otherwise[i]));
  },
};

function findTensors(value: unknown, among: ReadonlySet<unknown>, found: Set<unknown>): void {
  if (among.has(value)) found.add(value);
  else if (Array.isArray(value)) for (const item of value) findTensors(item, among, found);
  else if (value !== null && typeof value === 'object' && value.constructor === Object) {
    for (const item of Object.values(value)) findTensors(item, among, found);
  }
}

export function jaxTensor({ data, shape }: ArrayTensor): Tensor {
  // np.array looks at the first element, also where there is none.
  return data.length === 0 ? np.zeros([...shape]) : np.array(Float32Array.from(data), { shape: [...shape] });
}

export async function jaxValues(x: Tensor): Promise<ArrayTensor> {
  const { shape } = x;
  return { shape, data: (await x.data()) as Float32Array };
}

/**
 * `wasm` is the device whose arithmetic is float32 throughout; `cpu` evaluates in JavaScript numbers. It is asked for
 * by name, because otherwise jax-js looks for a graphics card in `navigator`, which Node 20 does not have.
 *
 * onnxruntime-web puts a global `Worker` into Node when it loads. jax-js, which looks for one at every kernel, would
 * from then on link kernels against a shared memory that it does not have. Neither needs it on one thread.
 */
export async function useJax(): Promise<void> {
  Object.defineProperty(globalThis, 'Worker', { get: () => undefined, set: () => {}, configurable: true });
  await init('wasm');
  defaultDevice('wasm');
}

export const jaxCarrier: Carrier = {
  name: 'jax-js under jit',
  compiles: true,
  compile(computation) {
    const compiled = jit((inputs: Record<string, Tensor>) => jax.tidy(() => computation(jax, inputs)));
    return {
      async run(inputs) {
        const results = compiled(mapNamed(inputs, jaxTensor)) as Named<Tensor>;
        const values: Record<string, ArrayTensor> = {};
        for (const [name, x] of Object.entries(results)) values[name] = await jaxValues(x);
        return values;
      },
      release: async () => compiled.dispose(),
    };
  },
};
