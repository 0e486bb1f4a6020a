/** A small network's parameters, and gradients for them: usual ones, and every kind that is hard to normalize. */
import { type ArrayTensor, type Named, type ParameterInfo, sizeOf, tensor } from 'znorm';
import { normals } from '../../../znorm/test/carriers/statistics-accuracy.ts';

/** Layouts of PyTorch (output first) and TensorFlow.js (output last), ranks 0 to 4, every role, heads, one element. */
export const infos: Record<string, ParameterInfo> = Object.fromEntries(
  (
    [
      ['block1/conv/kernel', [4, 3, 3, 3], 0, 'kernel'],
      ['block1/conv/bias', [4], 0, 'bias'],
      ['block1/norm/gamma', [6], 0, 'normalization'],
      ['block2/conv/kernel', [3, 3, 2, 5], 3, 'kernel'],
      ['attention/query', [2, 3, 4], 0, 'attention', { axis: 1, count: 3 }],
      ['attention/column', [8, 1], 0, 'kernel', { axis: 0, count: 2 }],
      ['head/kernel', [7, 5], 0, 'kernel'],
      ['head/bias', [7], 0, 'bias'],
      ['head/scale', [1], 0, 'kernel'],
      ['temperature', [], 0, 'kernel'],
    ] as const
  ).map(([path, shape, outputAxis, role, heads]) => [
    path,
    { path, shape, outputAxis, role, ...(heads && { heads }) },
  ]),
);
export const paths = Object.keys(infos);

/** The gradient of one parameter at one step. */
export type Gradients = (path: string, step: number) => ArrayTensor;

const drawn = (path: string, seed: number) => {
  const { shape } = infos[path]!;
  return { shape, values: normals(sizeOf(shape), 1 + seed + 100 * paths.indexOf(path)) };
};
const scaledBy =
  (size: number, offset = 0) =>
  (path: string, step: number) => {
    const { shape, values } = drawn(path, step);
    return tensor(
      values.map((value) => size * value + offset),
      shape,
    );
  };
const filledWith = (value: number) => (path: string) => {
  const { shape } = infos[path]!;
  return tensor(new Float32Array(sizeOf(shape)).fill(value), shape);
};

/** Sizes as they are in a network, shrinking from step to step. */
export const ordinary: Gradients = (path, step) =>
  scaledBy(10 ** (-1 - (paths.indexOf(path) % 4)) / 2 ** step)(path, step);

/** Each tensor degenerate in its own way, and another one at every step. */
const kinds = [
  filledWith(0.1),
  filledWith(0),
  scaledBy(1e20),
  scaledBy(1e-24),
  scaledBy(1),
  filledWith(1e20),
  filledWith(-1e-24),
];
export const degenerate: Gradients = (path, step) =>
  kinds[(paths.indexOf(path) + step) % kinds.length]!(path, step);

/** One size everywhere, so that a scope over several tensors is degenerate as a whole. */
export const constantEverywhere: Gradients = (path) => filledWith(1 / 3)(path);

/** A mean ten deviations away from 0. */
export const offset: Gradients = (path, step) => scaledBy(1e-3, 1e-2)(path, step);

/** NaN at step 1 and an infinity at step 3. */
export const broken: Gradients = (path, step) => {
  const { data, shape } = ordinary(path, step);
  const values = Array.from(data);
  if (step === 1 && path === 'head/kernel') values[11] = Number.NaN;
  if (step === 3 && path === 'block1/conv/bias') values[0] = Number.NEGATIVE_INFINITY;
  return tensor(values, shape);
};

export const params: Named<ArrayTensor> = Object.fromEntries(
  paths.map((path) => {
    const { shape, values } = drawn(path, 77);
    return [path, tensor(values, shape)];
  }),
);
