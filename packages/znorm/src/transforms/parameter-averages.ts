import { decayRate, knownOptions, optionError, positiveInteger, withDefaults } from '../option-checks.ts';
import { weightedSum } from '../tensor-ops.ts';
import { type Primitive, paramOf, primitive } from '../transformation.ts';

/**
 * Keeps a moving average of the parameters, which often generalizes better than the last of them. Training itself is
 * left as it is.
 *
 *     a_t = decay · a_{t−1} + (1 − decay) · (w + u),   a_0 = w_0          u ← g
 *
 * Last in a chain, where g is what is added to the parameters. `evaluationParams` gives the average.
 *
 * Shapes: any. State: `average`, like the parameter. Params: needed.
 *
 * @param options.decay share of the average that is kept at each step. @default 0.999
 * @throws RangeError if `decay` is not in [0, 1)
 * @throws TypeError  if `update` is not given params
 * @example
 * chain(adam({ learningRate: 1e-3 }), emaOfParams({ decay: 0.999 }))
 * @see Polyak & Juditsky 1992; PyTorch, torch.optim.swa_utils; Optax, params_ema
 */
export function emaOfParams(options: { readonly decay?: number } = {}): Primitive {
  knownOptions('emaOfParams', options, ['decay']);
  const decay = decayRate('emaOfParams', 'decay', options.decay ?? 0.999);
  return primitive({
    name: 'emaOfParams',
    options,
    init: (_ops, _parameter, param) => ({ average: param }),
    update(ops, u, leaf) {
      const next = ops.add(paramOf('emaOfParams', leaf), u);
      const average = weightedSum(ops, decay, leaf.slots.average, 1 - decay, next);
      return { updates: u, slots: { average } };
    },
    evaluation: (ops, _param, slots) => ops.copy(slots.average),
  });
}

export interface LookaheadOptions {
  /** k: steps of the fast parameters before the slow ones follow. @default 5 */
  readonly syncPeriod?: number;
  /** α: share of the way that the slow parameters follow. @default 0.5 */
  readonly slowStepSize?: number;
}

/**
 * Lets fast parameters run ahead for some steps, and comes back part of the way.
 *
 *     every k-th step   s ← s + α · (w + g − s),   u ← s − w;     else u ← g
 *
 * Last in a chain, where g is what is added to the parameters. `evaluationParams` gives the slow parameters s.
 *
 * Shapes: any. State: `slow`, like the parameter. Params: needed.
 *
 * @throws RangeError if `syncPeriod` is not a whole number >= 1, or `slowStepSize` is not in (0, 1]
 * @throws TypeError  if `update` is not given params
 * @example
 * chain(adam({ learningRate: 1e-3 }), lookahead({ syncPeriod: 5, slowStepSize: 0.5 }))
 * @see Zhang et al. 2019, arXiv 1907.08610
 */
export function lookahead(options: LookaheadOptions = {}): Primitive {
  knownOptions('lookahead', options, ['syncPeriod', 'slowStepSize']);
  const { syncPeriod, slowStepSize } = withDefaults({ syncPeriod: 5, slowStepSize: 0.5 }, options);
  positiveInteger('lookahead', 'syncPeriod', syncPeriod);
  if (typeof slowStepSize !== 'number' || !(slowStepSize > 0 && slowStepSize <= 1)) {
    throw optionError('lookahead', 'slowStepSize', 'to be a number > 0 and <= 1', slowStepSize);
  }
  return primitive({
    name: 'lookahead',
    options,
    scalars: { sync: (step) => ((step + 1) % syncPeriod === 0 ? 1 : 0) },
    init: (_ops, _parameter, param) => ({ slow: param }),
    update(ops, u, leaf) {
      const param = paramOf('lookahead', leaf);
      const [updates, slow] = ops.branch(
        leaf.scalars.sync,
        () => {
          // s + α (w + g − s) − w = (1 − α) (s − w) + α g: differences alone, so that small steps keep their digits
          const behind = ops.sub(leaf.slots.slow, param);
          const back = weightedSum(ops, 1 - slowStepSize, behind, slowStepSize, u);
          return [back, ops.add(param, back)];
        },
        () => [u, leaf.slots.slow],
      );
      return { updates, slots: { slow } };
    },
    evaluation: (ops, _param, slots) => ops.copy(slots.slow),
  });
}
