import { knownOptions } from '../option-checks.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { hypot } from './hypot.ts';
import {
  checkedScope,
  inOwnShape,
  inUnits,
  type Scope,
  statisticsAxes,
  statisticsGroup,
} from './statistics.ts';

export interface NormalizeByNormOptions {
  /** Which elements share one norm. @default 'tensor' */
  readonly scope?: Scope;
}

/**
 * Divides gradients by their norm: only the direction is left.
 *
 *     u ← g / ‖g‖
 *
 * Shapes: any; a one-element tensor of its own becomes its sign. State: none. Params: unused. A gradient of norm 0
 * stays 0. An infinite norm leaves 0 for finite elements and NaN for infinite ones.
 *
 * @throws RangeError if `scope` is not known
 * @example
 * chain(normalizeByNorm({ scope: 'global' }), sgd({ learningRate: 0.1 }))
 * @see Yu et al. 2017, Block-normalized gradient, arXiv 1707.04822
 */
export function normalizeByNorm(options: NormalizeByNormOptions = {}): Primitive {
  knownOptions('normalizeByNorm', options, ['scope']);
  const scope = checkedScope('normalizeByNorm', options.scope ?? 'tensor');
  return primitive({
    name: 'normalizeByNorm',
    options,
    reduction: {
      group: statisticsGroup(scope),
      measure: (ops, g, { parameter }) => ({
        norm: ops.norm(inUnits(ops, g, parameter, scope), statisticsAxes(parameter, scope)),
      }),
      combine(ops, members) {
        const norms = members.map(({ measured }) => measured.norm);
        return { norm: norms.length === 1 ? norms[0] : hypot(ops, norms) };
      },
    },
    update(ops, g, { parameter, pooled: { norm } }) {
      const divisor = ops.where(ops.lessEqual(norm, 0), 1, norm);
      const direction = ops.div(inUnits(ops, g, parameter, scope), divisor);
      return { updates: inOwnShape(ops, direction, parameter, scope) };
    },
  });
}
