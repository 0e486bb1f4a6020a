import { relu } from '../autodiff/activation.ts';
import { knownOptions } from '../known-options.ts';
import { dense } from '../layers/dense.ts';
import type { Layer } from '../layers/scope.ts';
import { flatten, sequential } from '../layers/sequential.ts';

export interface MlpOptions {
  /** Units of each hidden layer. */
  readonly hidden: readonly number[];
  readonly classes: number;
  /** After each hidden layer. @default relu */
  readonly activation?: Layer;
}

/**
 * A multilayer perceptron: flatten, then dense layers with an activation between them.
 *
 * Parameters: `hidden0/kernel`, `hidden0/bias`, …, `output/kernel`, `output/bias`.
 *
 * @example
 * mlp({ hidden: [512, 512], classes: 10 })
 */
export function mlp(options: MlpOptions): Layer {
  knownOptions('mlp', options, ['hidden', 'classes', 'activation']);
  const { hidden, classes, activation = relu } = options;
  const layers = hidden.flatMap((units, i): [string, Layer][] => [
    [`hidden${i}`, dense({ units })],
    [`activation${i}`, activation],
  ]);
  return sequential({ flatten, ...Object.fromEntries(layers), output: dense({ units: classes }) });
}
