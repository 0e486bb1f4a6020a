import { knownOptions, oneOf } from '../option-checks.ts';
import { sizeOf } from '../parameters.ts';
import { type Primitive, primitive } from '../transformation.ts';
import {
  checkedScope,
  inOwnShape,
  inUnits,
  pooledMean,
  type Scope,
  statisticsAxes,
  statisticsGroup,
} from './statistics.ts';

export interface CenterOptions {
  /** Which elements share one mean. @default 'tensor' */
  readonly scope?: Scope;
  /** `matrices` leaves tensors of rank < 2 (biases, normalization parameters) alone. @default 'all' */
  readonly apply?: 'all' | 'matrices';
}

/**
 * Takes the mean off each gradient tensor and leaves its size alone: with `scaleByStd`, the two halves of `znorm`.
 *
 *     u ← g − mean(g)
 *
 * `centralize` does so for each output unit, and only to tensors of rank 2 and more; here it is one mean a tensor, or
 * what `scope` says. Shapes: any; one-element tensors pass through (they would become 0 and never train). State: none.
 * Params: unused. The sum of a tensor's elements is left as it is by plain SGD.
 *
 * @throws RangeError if `scope` or `apply` is not known
 * @example
 * chain(center(), sgd({ learningRate: 0.1 }))
 * @see Yun, ZNorm, arXiv 2408.01215, of which it is an ablation
 */
export function center(options: CenterOptions = {}): Primitive {
  knownOptions('center', options, ['scope', 'apply']);
  const scope = checkedScope('center', options.scope ?? 'tensor');
  const apply = oneOf('center', 'apply', options.apply ?? 'all', ['all', 'matrices']);
  const minRank = apply === 'matrices' ? 2 : 0;
  return primitive({
    name: 'center',
    options,
    applies: ({ shape }) => sizeOf(shape) > 1 && shape.length >= minRank,
    reduction: {
      group: statisticsGroup(scope),
      measure: (ops, g, { parameter }) => ({
        mean: ops.mean(inUnits(ops, g, parameter, scope), statisticsAxes(parameter, scope)),
      }),
      combine: (ops, members) => ({ mean: pooledMean(ops, members) }),
    },
    update: (ops, g, { parameter, pooled: { mean } }) => ({
      updates: inOwnShape(ops, ops.sub(inUnits(ops, g, parameter, scope), mean), parameter, scope),
    }),
  });
}
