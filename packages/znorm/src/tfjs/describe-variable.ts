import type { ParameterInfo, ParameterRole } from '../parameters.ts';

/** What is looked at of a layer: every `tf.layers.Layer` is one, and so is a model inside a model. */
export interface LayerLike {
  readonly name: string;
  getClassName(): string;
  readonly weights: readonly { readonly name: string }[];
  /** Of a model. */
  readonly layers?: readonly LayerLike[];
  /** Of a wrapper, such as `timeDistributed`. */
  readonly layer?: LayerLike;
}

/**
 * Describes a variable of TensorFlow.js: its kernels count output units on the last axis (`[in, out]`,
 * `[height, width, in, out]`), but
 *
 *     depthwise kernels      [height, width, in, multiplier]   on `in`
 *     transposed kernels     [height, width, out, in]          on `out`
 *     embeddings             [tokens, width]                   on `tokens`
 *
 * The role is read off the kind of layer where it is known, else off the last segment of the name (`…/bias`,
 * `…/gamma`, `…/recurrent_kernel`), else off the rank: vectors count as biases.
 *
 * @param name  of the variable, as TensorFlow.js made it: `conv2d_Conv2D1/kernel`
 * @param shape of the variable
 * @param kind  class name of its layer: `Conv2DTranspose`. @default what the name says
 * @example
 * describeVariable('conv2d_Conv2D1/kernel', [3, 3, 16, 32]).outputAxis; // 3
 * describeVariable('lstm_LSTM1/recurrent_kernel', [8, 32]).role; // 'recurrent'
 */
export function describeVariable(name: string, shape: readonly number[], kind = name): ParameterInfo {
  const [last, layer = ''] = withoutNumber(name).split('/').reverse();
  const role = roleOf(last, layer, kind, shape.length);
  return { path: name, shape, outputAxis: Math.max(0, outputAxis(last, kind, role, shape.length)), role };
}

/** The name without the `_1` that TensorFlow.js appends to the second variable of a name. */
export function withoutNumber(name: string): string {
  return name.replace(/_\d+$/, '');
}

/** The class names of a model's layers, by the names of their variables. */
export function layerKinds(model: LayerLike): ReadonlyMap<string, string> {
  const kinds = new Map<string, string>();
  const visit = (layer: LayerLike): void => {
    if (layer.layers) {
      for (const inner of layer.layers) visit(inner);
    } else {
      const kind = (layer.layer ?? layer).getClassName();
      for (const { name } of layer.weights) kinds.set(name, kind);
    }
  };
  visit(model);
  return kinds;
}

const roles: Readonly<Record<string, ParameterRole>> = {
  bias: 'bias',
  b: 'bias',
  alpha: 'bias',
  gamma: 'normalization',
  beta: 'normalization',
  embedding: 'embedding',
  embeddings: 'embedding',
  recurrent_kernel: 'recurrent',
};

function roleOf(last: string, layer: string, kind: string, rank: number): ParameterRole {
  if (/Normalization$/.test(kind)) return 'normalization';
  if (kind === 'Embedding') return 'embedding';
  if (Object.hasOwn(roles, last)) return roles[last];
  if (rank < 2) return 'bias';
  return /attention|^(query|key|value)$/i.test(layer) ? 'attention' : 'kernel';
}

function outputAxis(last: string, kind: string, role: ParameterRole, rank: number): number {
  if (role === 'embedding') return 0;
  if (last === 'depthwise_kernel' || (last === 'kernel' && /Transpose/i.test(kind))) return rank - 2;
  return rank - 1;
}
