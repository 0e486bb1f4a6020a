/**
 * What a transformation may know about a parameter besides its values. Adapters fill it in, so that no
 * transformation has to guess a layout.
 */
export interface ParameterInfo {
  /** Full name, segments joined by `/`: `stage1/block0/conv1/kernel`. Unique within a model. */
  readonly path: string;
  /** Sizes of its axes; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** The axis that counts output units: 0 for PyTorch and ONNX layouts, the last for TensorFlow.js kernels. */
  readonly outputAxis: number;
  /** What the parameter does in its layer. */
  readonly role: ParameterRole;
  /**
   * The axis along which the heads of an attention lie one after another, and how many they are: the output axis of
   * query, key and value kernels, the other one of output kernels. @default not divided into heads
   */
  readonly heads?: { readonly axis: number; readonly count: number };
}

/** `normalization` is the gain or shift of a batch, layer or group norm; `attention` a query, key, value or output kernel. */
export type ParameterRole = 'kernel' | 'bias' | 'normalization' | 'embedding' | 'attention' | 'recurrent';

export const parameterRoles: readonly ParameterRole[] = [
  'kernel',
  'bias',
  'normalization',
  'embedding',
  'attention',
  'recurrent',
];

/** A tree of tensors, flat: `path → tensor`. */
export type Named<T> = Readonly<Record<string, T>>;

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The layer a parameter belongs to: its path without the last segment. `conv1/kernel` and `conv1/bias` share `conv1`. */
export function layerOf(parameter: Pick<ParameterInfo, 'path'>): string {
  const end = parameter.path.lastIndexOf('/');
  return end < 0 ? parameter.path : parameter.path.slice(0, end);
}

/** Every axis but the output axis: what is reduced for one statistic an output unit. */
export function axesWithinUnit(parameter: ParameterInfo): number[] {
  return parameter.shape.map((_, axis) => axis).filter((axis) => axis !== parameter.outputAxis);
}

/** The axes of a parameter whose heads have an axis of their own, `head`; undefined where it has none, or but one. */
export function axesByHead({
  shape,
  heads,
}: Pick<ParameterInfo, 'shape' | 'heads'>): { shape: number[]; head: number } | undefined {
  if (!heads || heads.count === 1) return undefined;
  const { axis, count } = heads;
  return {
    shape: [...shape.slice(0, axis), count, shape[axis] / count, ...shape.slice(axis + 1)],
    head: axis,
  };
}

const roleOfLastSegment: Record<string, ParameterRole> = {
  bias: 'bias',
  b: 'bias',
  gamma: 'normalization',
  beta: 'normalization',
  embedding: 'embedding',
  embeddings: 'embedding',
};

/**
 * Describes a parameter from its name and shape alone, for callers without an adapter: output-first layout, and the
 * role read off the last segment of the path (`…/bias`, `…/gamma`, `…/embedding`), else `kernel`.
 *
 * @example
 * describeParameter('dense/bias', [10]).role; // 'bias'
 */
export function describeParameter(path: string, shape: readonly number[]): ParameterInfo {
  const last = path.slice(path.lastIndexOf('/') + 1);
  return { path, shape, outputAxis: 0, role: roleOfLastSegment[last] ?? 'kernel' };
}
