import { gemm } from '../autodiff/matmul.ts';
import { fanInUniform, type Initializer } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import type { Layer } from './scope.ts';

export interface DenseOptions {
  /** Outputs. */
  readonly units: number;
  /** @default true */
  readonly bias?: boolean;
  /** @default fanInUniform(), as in PyTorch */
  readonly initializer?: Initializer;
}

/**
 * A fully connected layer: y = x · kernelᵀ + bias.
 *
 * Shapes: x [N, in], kernel [units, in], bias [units], y [N, units]. The bias starts uniform within 1/sqrt(in).
 */
export function dense(options: DenseOptions): Layer {
  knownOptions('dense', options, ['units', 'bias', 'initializer']);
  const { units, bias = true, initializer = fanInUniform() } = options;
  return (x, scope) => {
    if (x.shape.length !== 2) {
      throw new RangeError(
        `dense: expected an input of shape [N, in], got [${x.shape}] at '${scope.path}'. Add flatten.`,
      );
    }
    const inputs = x.shape[1];
    const kernel = scope.parameter('kernel', [units, inputs], { role: 'kernel', initializer });
    const shift = bias
      ? { bias: scope.parameter('bias', [units], { role: 'bias', initializer: fanInUniform(inputs) }) }
      : {};
    return gemm(x, kernel, { transB: true, ...shift });
  };
}
