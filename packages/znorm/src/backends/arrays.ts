import { sizeOf } from '../parameters.ts';
import type { Operand, TensorOps } from '../tensor-ops.ts';
import { broadcastShape, eachRow } from './rows.ts';

/**
 * A tensor on plain typed arrays, row-major. Values are float32; statistics stay float64 until they meet a float32
 * tensor, so `(g − mean) / std` is rounded once an operation and never in its sums.
 */
export interface ArrayTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/**
 * Wraps numbers as a tensor. A typed array is used as it is, not copied.
 *
 * @param data  values, row-major
 * @param shape @default one axis as long as the data
 * @throws RangeError if data and shape differ in size
 * @example
 * tensor([1, 2, 3, 4, 5, 6], [2, 3]).shape; // [2, 3]
 */
export function tensor(
  data: readonly number[] | Float32Array | Float64Array,
  shape: readonly number[] = [data.length],
): ArrayTensor {
  if (sizeOf(shape) !== data.length) {
    throw new RangeError(
      `tensor: expected ${sizeOf(shape)} values for shape [${shape}], got ${data.length}.`,
    );
  }
  return {
    shape,
    data: data instanceof Float32Array || data instanceof Float64Array ? data : new Float32Array(data),
  };
}

/** The reference backend: plain typed arrays, sums in float64, nothing to free. */
export const arrays: TensorOps<ArrayTensor> = {
  shape: (x) => x.shape,
  full: (shape, value) => ({ shape, data: new Float32Array(sizeOf(shape)).fill(value) }),
  tensor: (data, shape) => ({ shape, data }),
  copy: (x) => ({ shape: x.shape, data: x.data.slice() }),

  add: (x, y) =>
    elementwise([x, y], (out, o, n, [a, b], [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = a[i] + b[j];
    }),
  sub: (x, y) =>
    elementwise([x, y], (out, o, n, [a, b], [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = a[i] - b[j];
    }),
  mul: (x, y) =>
    elementwise([x, y], (out, o, n, [a, b], [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = a[i] * b[j];
    }),
  div: (x, y) =>
    elementwise([x, y], (out, o, n, [a, b], [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = a[i] / b[j];
    }),
  maximum: (x, y) =>
    elementwise([x, y], (out, o, n, [a, b], [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = Math.max(a[i], b[j]);
    }),
  minimum: (x, y) =>
    elementwise([x, y], (out, o, n, [a, b], [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = Math.min(a[i], b[j]);
    }),
  weightedSum: (a, x, b, y) =>
    elementwise([x, y, a, b], (out, o, n, [x, y, a, b], [i, j, h, l], [di, dj]) => {
      const p = a[h];
      const q = b[l];
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = p * x[i] + q * y[j];
    }),
  sqrt: (x) =>
    elementwise([x], (out, o, n, [a], [i], [di]) => {
      for (let k = 0; k < n; k++) out[o + k] = Math.sqrt(a[i + k * di]);
    }),
  abs: (x) =>
    elementwise([x], (out, o, n, [a], [i], [di]) => {
      for (let k = 0; k < n; k++) out[o + k] = Math.abs(a[i + k * di]);
    }),
  sign: (x) =>
    elementwise([x], (out, o, n, [a], [i], [di]) => {
      for (let k = 0; k < n; k++) out[o + k] = Math.sign(a[i + k * di]);
    }),

  lessEqual: (x, y) =>
    elementwise([x, y], (out, o, n, [a, b], [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = a[i] <= b[j] ? 1 : 0;
    }),
  isFinite: (x) =>
    elementwise([x], (out, o, n, [a], [i], [di]) => {
      for (let k = 0; k < n; k++) out[o + k] = Number.isFinite(a[i + k * di]) ? 1 : 0;
    }),
  where: (condition, x, y) =>
    elementwise([condition, x, y], (out, o, n, [c, a, b], [h, i, j], [dh, di, dj]) => {
      for (let k = 0; k < n; k++) out[o + k] = c[h + k * dh] !== 0 ? a[i + k * di] : b[j + k * dj];
    }),

  sum: sumOf,
  max: (x, axes) =>
    reduced(x, axes, -Infinity, (out, to, outStep, n, data, from, step) => {
      for (let k = 0; k < n; k++)
        out[to + k * outStep] = Math.max(out[to + k * outStep], data[from + k * step]);
    }),
  mean: meanOf,
  norm: (x, axes) => {
    const squares = reduced(x, axes, 0, (out, to, outStep, n, data, from, step) => {
      for (let k = 0; k < n; k++) out[to + k * outStep] += data[from + k * step] * data[from + k * step];
    });
    return { shape: squares.shape, data: squares.data.map(Math.sqrt) };
  },
  moments: (x, axes) => {
    const mean = meanOf(x, axes);
    const squares = reduced(x, axes, 0, (out, to, outStep, n, data, from, step) => {
      for (let k = 0; k < n; k++) {
        const distance = data[from + k * step] - mean.data[to + k * outStep];
        out[to + k * outStep] += distance * distance;
      }
    });
    const count = x.data.length / squares.data.length;
    return { mean, std: { shape: squares.shape, data: squares.data.map((sum) => Math.sqrt(sum / count)) } };
  },

  reshape: (x, shape) => tensor(x.data, shape),
  transpose: (x, permutation) => {
    const shape = permutation.map((axis) => x.shape[axis]);
    const strides = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)));
    const out = sameKind([x], sizeOf(shape));
    const walked = permutation.map((axis) => strides[axis]);
    for (let o = 0; o < out.length; o++) {
      let rest = o;
      let source = 0;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        source += (rest % shape[axis]) * walked[axis];
        rest = Math.floor(rest / shape[axis]);
      }
      out[o] = x.data[source];
    }
    return { shape, data: out };
  },
  matmul: (a, b) => {
    const [m, depth] = a.shape;
    const n = b.shape[1];
    if (a.shape.length !== 2 || b.shape.length !== 2 || b.shape[0] !== depth) {
      throw new RangeError(`matmul: expected shapes [m, k] and [k, n], got [${a.shape}] and [${b.shape}].`);
    }
    const out = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let k = 0; k < depth; k++) {
        const factor = a.data[i * depth + k];
        for (let j = 0; j < n; j++) out[i * n + j] += factor * b.data[k * n + j];
      }
    }
    const data = sameKind([a, b], out.length);
    data.set(out);
    return { shape: [m, n], data };
  },
  sample: (x, stride, offset) => {
    const out = sameKind([x], Math.max(0, Math.ceil((x.data.length - offset) / stride)));
    for (let k = 0; k < out.length; k++) out[k] = x.data[offset + k * stride];
    return { shape: [out.length], data: out };
  },

  branch: (flag, whenTrue, whenFalse) =>
    (typeof flag === 'number' ? flag : onlyValue(flag)) !== 0 ? whenTrue() : whenFalse(),
  tidy: (body) => body(),
  toNumber: onlyValue,
};

type Data = Float32Array | Float64Array;
type Row = (
  out: Data,
  start: number,
  length: number,
  operands: readonly Data[],
  offsets: readonly number[],
  strides: readonly number[],
) => void;

function elementwise(operands: readonly Operand<ArrayTensor>[], row: Row): ArrayTensor {
  const tensors = operands.map((x) => (typeof x === 'number' ? { shape: [], data: Float64Array.of(x) } : x));
  const shape = broadcastShape(tensors.map((x) => x.shape));
  // Float32 wins: a float64 statistic that meets a gradient gives an update in the gradient's precision.
  const out = sameKind(
    operands.filter((x) => typeof x !== 'number'),
    sizeOf(shape),
  );
  const data = tensors.map((x) => x.data);
  let start = 0;
  eachRow(
    shape,
    tensors.map((x) => x.shape),
    (offsets, strides, length) => {
      row(out, start, length, data, offsets, strides);
      start += length;
    },
  );
  return { shape, data: out };
}

function sameKind(tensors: readonly ArrayTensor[], size: number): Data {
  const single = tensors.some((x) => x.data instanceof Float32Array);
  return single ? new Float32Array(size) : new Float64Array(size);
}

type ReductionRow = (
  out: Float64Array,
  to: number,
  outStep: number,
  length: number,
  data: Data,
  from: number,
  step: number,
) => void;

/** Folds a tensor along axes, in float64, one row at a time; along a reduced row the result's step is 0. */
function reduced(
  x: ArrayTensor,
  axes: readonly number[] | undefined,
  start: number,
  row: ReductionRow,
): ArrayTensor & { readonly data: Float64Array } {
  const kept = x.shape.map((size, axis) => (axes === undefined || axes.includes(axis) ? 1 : size));
  const out = new Float64Array(sizeOf(kept)).fill(start);
  eachRow(x.shape, [x.shape, kept], ([from, to], [step, outStep], length) => {
    row(out, to, outStep, length, x.data, from, step);
  });
  return { shape: axes === undefined ? [] : kept, data: out };
}

function sumOf(x: ArrayTensor, axes?: readonly number[]) {
  return reduced(x, axes, 0, (out, to, outStep, n, data, from, step) => {
    for (let k = 0; k < n; k++) out[to + k * outStep] += data[from + k * step];
  });
}

function meanOf(x: ArrayTensor, axes?: readonly number[]): ArrayTensor {
  const sum = sumOf(x, axes);
  const count = x.data.length / sum.data.length;
  return { shape: sum.shape, data: sum.data.map((total) => total / count) };
}

function onlyValue(x: ArrayTensor): number {
  if (x.data.length !== 1) throw new RangeError(`toNumber: expected one element, got shape [${x.shape}].`);
  return x.data[0];
}
