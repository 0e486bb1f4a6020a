import { fillNormal, fillUniform, type RandomStream } from './random.ts';

/**
 * Fills a new parameter. Shapes are output-first, as in ONNX and PyTorch: `[out, in]` or `[out, in, height, width]`.
 *
 * @param next a stream named after the parameter's path, so a parameter's first value depends on nothing else
 */
export type Initializer = (out: Float32Array, shape: readonly number[], next: RandomStream) => void;

/** Every element 0. */
export const zeros: Initializer = (out) => void out.fill(0);

/** Every element 1. */
export const ones: Initializer = (out) => void out.fill(1);

/** Normal with mean 0 and a standard deviation of its own. */
export function normal({ std }: { std: number }): Initializer {
  return (out, _shape, next) => fillNormal(next, out, 0, std);
}

/**
 * Normal, keeping the variance of activations through a rectified layer: std = sqrt(2 / fan).
 *
 * @param options.fan `'in'` keeps it forward, `'out'` keeps the variance of gradients backward. @default 'in'
 * @see He et al. 2015, arXiv 1502.01852
 */
export function heNormal({ fan = 'in' }: { fan?: 'in' | 'out' } = {}): Initializer {
  return (out, shape, next) => fillNormal(next, out, 0, Math.sqrt(2 / fansOf(shape)[fan]));
}

/** As `heNormal` from the uniform distribution: bound = sqrt(6 / fan). */
export function heUniform({ fan = 'in' }: { fan?: 'in' | 'out' } = {}): Initializer {
  return (out, shape, next) => fillWithin(next, out, Math.sqrt(6 / fansOf(shape)[fan]));
}

/**
 * Normal with std = sqrt(2 / (fan in + fan out)).
 *
 * @see Glorot and Bengio 2010
 */
export const glorotNormal: Initializer = (out, shape, next) => {
  const fans = fansOf(shape);
  fillNormal(next, out, 0, Math.sqrt(2 / (fans.in + fans.out)));
};

/** As `glorotNormal` from the uniform distribution: bound = sqrt(6 / (fan in + fan out)). */
export const glorotUniform: Initializer = (out, shape, next) => {
  const fans = fansOf(shape);
  fillWithin(next, out, Math.sqrt(6 / (fans.in + fans.out)));
};

/**
 * PyTorch's default for dense and convolutional layers: uniform with bound = 1 / sqrt(fan in).
 *
 * @param fanIn for a bias, the inputs of the layer it belongs to. @default read off the shape
 */
export function fanInUniform(fanIn?: number): Initializer {
  return (out, shape, next) => fillWithin(next, out, 1 / Math.sqrt(fanIn ?? fansOf(shape).in));
}

/** How many inputs one output sees, and how many outputs one input reaches. */
function fansOf(shape: readonly number[]): { in: number; out: number } {
  if (shape.length < 2) {
    throw new RangeError(
      `initializer: expected a shape [out, in, ...kernel], got [${shape}]. Use zeros, ones or fanInUniform(inputs) for vectors.`,
    );
  }
  const [out, input, ...kernel] = shape;
  const area = kernel.reduce((product, size) => product * size, 1);
  return { in: input * area, out: out * area };
}

function fillWithin(next: RandomStream, out: Float32Array, bound: number): void {
  fillUniform(next, out, -bound, bound);
}
