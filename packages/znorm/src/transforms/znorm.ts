import { knownOptions, nonNegative, oneOf, withDefaults } from '../option-checks.ts';
import { type ParameterInfo, sizeOf } from '../parameters.ts';
import type { TensorOps } from '../tensor-ops.ts';
import { type Leaf, type LeafUpdate, type Primitive, primitive } from '../transformation.ts';
import {
  inOwnShape,
  inUnits,
  nextStatistics,
  type Scope,
  type StatisticsMode,
  statistics,
} from './statistics.ts';

export interface ZnormOptions {
  /** Added to the standard deviation; unit of the gradient. @default 1e-8 */
  readonly eps?: number;
  /** Which elements share one mean and deviation. @default 'tensor' */
  readonly scope?: Scope;
  /** `matrices` leaves tensors of rank < 2 (biases, normalization parameters) alone. @default 'all' */
  readonly apply?: 'all' | 'matrices';
  /** A deviation at or below this counts as zero; unit of the gradient. @default 0 */
  readonly minStd?: number;
  /** The same, as a share of |mean(g)|. @default 4 float32 rounding errors, 2^-21 */
  readonly relativeMinStd?: number;
  /**
   * What becomes of a gradient whose deviation counts as zero: `center` divides by 1, `zero` gives 0, `pass` leaves
   * it as it is, `throw` ends training naming the tensor. Each occurrence is reported. @default 'center'
   */
  readonly onDegenerate?: 'center' | 'zero' | 'pass' | 'throw';
  /** @default 'exact' */
  readonly statistics?: StatisticsMode;
}

/**
 * Standardizes each gradient tensor to zero mean and unit standard deviation.
 *
 *     u ← (g − μ) / (σ + eps),   μ = mean(g),   σ = sqrt(mean((g − μ)²))
 *
 * Shapes: any; one-element tensors pass through (they would become 0 and never train). State: none for exact
 * statistics. Params: unused. Under plain SGD, ‖u‖ ≈ √d whatever the gradient's size: retune and decay the rate.
 *
 * @throws RangeError if an option is out of its range, or a deviation counts as zero and `onDegenerate` is `'throw'`
 * @example
 * chain(znorm(), adam({ learningRate: 1e-3 }))
 * @see Yun, ZNorm, arXiv 2408.01215
 */
export function znorm(options: ZnormOptions = {}): Primitive {
  return standardization('znorm', options, (ops, g, mean) => ops.sub(g, mean));
}

/**
 * Divides each gradient tensor by its standard deviation, without centring: the other half of `znorm`.
 *
 *     u ← g / (σ + eps),   σ = sqrt(mean((g − mean(g))²))
 *
 * Shapes, state, options and errors: as `znorm`; a degenerate gradient is divided by 1 under `center`.
 *
 * @example
 * chain(scaleByStd(), sgd({ learningRate: 0.01 }))
 * @see Wright & Demeure, Ranger21, arXiv 2106.13731
 */
export function scaleByStd(options: ZnormOptions = {}): Primitive {
  return standardization('scaleByStd', options, (_ops, g) => g);
}

/** 4 units in the last place of a float32: what is left of a constant after one rounding of its mean. */
const float32Noise = 2 ** -21;

/** What options mean that are not given. */
export const znormDefaults: Required<ZnormOptions> = {
  eps: 1e-8,
  scope: 'tensor',
  apply: 'all',
  minStd: 0,
  relativeMinStd: float32Noise,
  onDegenerate: 'center',
  statistics: 'exact',
};

type Centring = <T>(ops: TensorOps<T>, g: T, mean: T) => T;

function standardization(name: string, options: ZnormOptions, centred: Centring): Primitive {
  knownOptions(name, options, Object.keys(znormDefaults));
  const {
    eps,
    scope,
    apply,
    minStd,
    relativeMinStd,
    onDegenerate,
    statistics: mode,
  } = withDefaults(znormDefaults, options);
  nonNegative(name, 'eps', eps);
  nonNegative(name, 'minStd', minStd);
  nonNegative(name, 'relativeMinStd', relativeMinStd);
  oneOf(name, 'apply', apply, ['all', 'matrices']);
  oneOf(name, 'onDegenerate', onDegenerate, ['center', 'zero', 'pass', 'throw']);
  const minRank = apply === 'matrices' ? 2 : 0;

  function update<T>(ops: TensorOps<T>, whole: T, leaf: Leaf<T>): LeafUpdate<T> {
    const { parameter } = leaf;
    const g = inUnits(ops, whole, parameter, scope);
    const { mean, std } = leaf.pooled;
    // degenerate: σ ≤ max(minStd, relativeMinStd · |μ|); false for NaN, which propagates through the quotient
    const floor = ops.maximum(ops.mul(ops.abs(mean), relativeMinStd), minStd);
    const degenerate = ops.lessEqual(std, floor);
    const reports = { degenerate: ops.sum(degenerate) };
    if (onDegenerate === 'throw') refuseDegenerate(name, ops, reports.degenerate, parameter);

    // u = (g − μ) / (σ + eps), and (g − μ) / 1 where σ counts as zero
    const standardized = ops.div(centred(ops, g, mean), ops.where(degenerate, 1, ops.add(std, eps)));
    const slots = nextStatistics(ops, leaf);
    const chosen =
      onDegenerate === 'zero'
        ? ops.where(degenerate, 0, standardized)
        : onDegenerate === 'pass'
          ? ops.where(degenerate, g, standardized)
          : standardized;
    return { updates: inOwnShape(ops, chosen, parameter, scope), slots, reports };
  }

  return primitive({
    name,
    options,
    applies: ({ shape }) => sizeOf(shape) > 1 && shape.length >= minRank,
    ...statistics(name, scope, mode),
    update,
  });
}

function refuseDegenerate<T>(name: string, ops: TensorOps<T>, count: T, { path }: ParameterInfo): void {
  if (!ops.toNumber) {
    throw new TypeError(
      `${name}: expected a backend that can read values for \`onDegenerate: 'throw'\`, got one that is tracing. Use 'center', 'zero' or 'pass'.`,
    );
  }
  if (ops.toNumber(count) > 0) {
    throw new RangeError(
      `${name}: expected a standard deviation above the floor, got a constant gradient at '${path}'. Choose \`onDegenerate: 'center'\`, 'zero' or 'pass', or mask this parameter.`,
    );
  }
}
