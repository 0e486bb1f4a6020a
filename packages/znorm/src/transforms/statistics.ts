import { decayRate, knownOptions, oneOf, optionError, positiveInteger } from '../option-checks.ts';
import { axesByHead, axesWithinUnit, layerOf, type ParameterInfo, sizeOf } from '../parameters.ts';
import type { Moments, TensorOps } from '../tensor-ops.ts';
import type { Leaf, Measured, Primitive, Reduction } from '../transformation.ts';
import { hypot } from './hypot.ts';

/**
 * Over which elements statistics are taken: one tensor, a layer's tensors, one output unit (row), one head of an
 * attention kernel, or all gradients. What has no rows or heads has one statistic for the whole tensor.
 */
export type Scope = 'tensor' | 'layer' | 'output' | 'head' | 'global';

/** @throws RangeError if it is none of them */
export function checkedScope(where: string, scope: Scope): Scope {
  return oneOf(where, 'scope', scope, ['tensor', 'layer', 'output', 'head', 'global']);
}

/**
 * How statistics are found.
 * - `'exact'`: from this step's gradient.
 * - `{ ema: decay }`: an exponential moving average of the mean and deviation of the steps before this one (the first
 *   step's own at first), so that a fused kernel reads the gradient once.
 * - `{ every: k }`: from the gradient of every k-th step, kept in between.
 * - `{ sample: fraction, seed }`: from a fixed, evenly spread share of the elements.
 */
export type StatisticsMode =
  | 'exact'
  | { readonly ema: number }
  | { readonly every: number }
  | { readonly sample: number; readonly seed?: number };

/** The group of parameters that share statistics. */
export function statisticsGroup(scope: Scope): (parameter: ParameterInfo) => string {
  if (scope === 'global') return () => 'all';
  return scope === 'layer' ? layerOf : (parameter) => parameter.path;
}

/** The parts of a primitive that find its `pooled.mean` and `pooled.std` by scope and mode. */
export function statistics(
  where: string,
  scope: Scope,
  mode: StatisticsMode,
): Pick<Primitive, 'scalars' | 'init'> & { reduction: Reduction } {
  checkedScope(where, scope);
  const group = statisticsGroup(scope);
  const combine = pooledMoments;
  if (mode === 'exact') {
    return {
      reduction: { group, combine, measure: (ops, g, { parameter }) => measured(ops, g, parameter, scope) },
    };
  }
  if (typeof mode !== 'object') {
    throw optionError(where, 'statistics', "to be 'exact', { ema }, { every } or { sample, seed }", mode);
  }
  if ('ema' in mode) return movingAverage(where, scope, mode);
  if ('every' in mode) return everyFewSteps(where, scope, mode);
  if ('sample' in mode) return sampled(where, scope, mode);
  throw optionError(where, 'statistics', "to be 'exact', { ema }, { every } or { sample, seed }", mode);
}

/** μ and σ of a tensor, or of each of its rows or heads. */
function measured<T>(ops: TensorOps<T>, g: T, parameter: ParameterInfo, scope: Scope): { mean: T; std: T } {
  return { ...ops.moments(inUnits(ops, g, parameter, scope), statisticsAxes(parameter, scope)) };
}

/** The tensor in a shape against which its statistics broadcast: its own, or with an axis for heads. */
export function inUnits<T>(ops: TensorOps<T>, x: T, parameter: ParameterInfo, scope: Scope): T {
  const byHead = scope === 'head' ? axesByHead(parameter) : undefined;
  return byHead ? ops.reshape(x, byHead.shape) : x;
}

/** Back to the tensor's own shape. */
export function inOwnShape<T>(ops: TensorOps<T>, x: T, parameter: ParameterInfo, scope: Scope): T {
  return scope === 'head' && axesByHead(parameter) ? ops.reshape(x, parameter.shape) : x;
}

/**
 * The axes that one statistic runs over, of a tensor `inUnits`; all if undefined. Rows of one element would standardize to 0 and never
 * train; such tensors have one statistic for the whole instead.
 */
export function statisticsAxes(parameter: ParameterInfo, scope: Scope): number[] | undefined {
  const byHead = scope === 'head' ? axesByHead(parameter) : undefined;
  if (byHead) return byHead.shape.map((_, axis) => axis).filter((axis) => axis !== byHead.head);
  const rowSize = sizeOf(parameter.shape) / (parameter.shape[parameter.outputAxis] ?? 1);
  return scope === 'output' && parameter.shape.length > 1 && rowSize > 1
    ? axesWithinUnit(parameter)
    : undefined;
}

/**
 * The mean of a union from the means of its parts, with n_i elements each and N in all:
 *
 *     μ = Σ n_i μ_i / N
 *
 * It is corrected once by the mean of what it leaves, μ ← μ + Σ n_i (μ_i − μ) / N: equal means then pool to that very
 * mean in float32 too.
 */
export function pooledMean<T>(ops: TensorOps<T>, members: readonly Measured<T>[]): T {
  const means = members.map(({ measured }) => measured.mean);
  if (means.length === 1) return means[0];
  const shares = sharesOf(members);
  const weighted = (terms: readonly T[]) =>
    terms.map((term, i) => ops.mul(term, shares[i])).reduce((sum, term) => ops.add(sum, term));
  const guess = weighted(means);
  return ops.add(guess, weighted(means.map((part) => ops.sub(part, guess))));
}

/**
 * The moments of a union from the moments of its parts (Chan et al. 1979):
 *
 *     σ² = Σ n_i (σ_i² + (μ_i − μ)²) / N
 *
 * Constants, whose means are equal, have a deviation of 0 together as they have alone.
 */
function pooledMoments<T>(ops: TensorOps<T>, members: readonly Measured<T>[]): Record<string, T> {
  const mean = pooledMean(ops, members);
  if (members.length === 1) return { mean, std: members[0].measured.std };
  const shares = sharesOf(members).map(Math.sqrt);
  const deviations = members.flatMap(({ measured }, i) => [
    ops.mul(measured.std, shares[i]),
    ops.mul(ops.sub(measured.mean, mean), shares[i]),
  ]);
  return { mean, std: hypot(ops, deviations) };
}

/** n_i / N of each member. */
function sharesOf<T>(members: readonly Measured<T>[]): number[] {
  const sizes = members.map(({ parameter }) => sizeOf(parameter.shape));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size) => size / total);
}

type StatisticsParts = ReturnType<typeof statistics>;

/** μ̂_t = μ of the steps before t, averaged: m_t = β m_{t−1} + (1 − β) μ_t, started at μ_0; the same for σ. */
function movingAverage(where: string, scope: Scope, mode: { ema: number }): StatisticsParts {
  knownOptions(`${where}.statistics`, mode, ['ema']);
  const decay = decayRate(where, 'statistics.ema', mode.ema);
  return {
    init: (ops, parameter) => keptStatistics(ops, parameter, scope),
    reduction: {
      group: statisticsGroup(scope),
      combine: pooledMoments,
      measure(ops, g, { parameter, slots }) {
        const now = measured(ops, g, parameter, scope);
        const [mean, std] = ops.branch(
          slots.seen,
          () => [slots.mean, slots.std],
          () => [now.mean, now.std],
        );
        const blend = (before: typeof mean, fresh: typeof mean) =>
          ops.add(ops.mul(before, decay), ops.mul(fresh, 1 - decay));
        return { mean, std, nextMean: blend(mean, now.mean), nextStd: blend(std, now.std) };
      },
    },
  };
}

function everyFewSteps(where: string, scope: Scope, mode: { every: number }): StatisticsParts {
  knownOptions(`${where}.statistics`, mode, ['every']);
  const every = positiveInteger(where, 'statistics.every', mode.every);
  return {
    scalars: { keep: (step) => (step % every === 0 ? 0 : 1) },
    init: (ops, parameter) => keptStatistics(ops, parameter, scope),
    reduction: {
      group: statisticsGroup(scope),
      combine: pooledMoments,
      measure(ops, g, { parameter, slots, scalars }) {
        // A parameter that joins between two measurements has nothing to keep yet.
        const [mean, std] = ops.branch(
          ops.mul(slots.seen, scalars.keep),
          () => [slots.mean, slots.std],
          () => {
            const now = measured(ops, g, parameter, scope);
            return [now.mean, now.std];
          },
        );
        return { mean, std, nextMean: mean, nextStd: std };
      },
    },
  };
}

function sampled(where: string, scope: Scope, mode: { sample: number; seed?: number }): StatisticsParts {
  knownOptions(`${where}.statistics`, mode, ['sample', 'seed']);
  const { sample: fraction, seed = 0 } = mode;
  if (typeof fraction !== 'number' || !(fraction > 0 && fraction <= 1)) {
    throw optionError(where, 'statistics.sample', 'to be a number > 0 and <= 1', fraction);
  }
  if (!Number.isSafeInteger(seed)) throw optionError(where, 'statistics.seed', 'to be a whole number', seed);
  if (scope === 'output' || scope === 'head') {
    throw optionError(where, 'statistics.sample', "to go with scope 'tensor', 'layer' or 'global'", scope);
  }
  return {
    reduction: {
      group: statisticsGroup(scope),
      combine: pooledMoments,
      measure(ops, g, { parameter }) {
        const { stride, offset } = samplePattern(parameter, fraction, seed);
        const { mean, std }: Moments<typeof g> = ops.moments(
          stride === 1 ? g : ops.sample(g, stride, offset),
        );
        return { mean, std };
      },
    },
  };
}

/**
 * Every stride-th element. The stride is close to 1/fraction and shares no factor with the sizes of the axes, so
 * that the walk visits every row and column and not always the same ones.
 */
export function samplePattern(
  parameter: ParameterInfo,
  fraction: number,
  seed: number,
): { stride: number; offset: number } {
  const size = sizeOf(parameter.shape);
  let stride = Math.max(1, Math.min(Math.round(1 / fraction), Math.floor(size / 2)));
  const coprime = (candidate: number) =>
    parameter.shape.every((axis) => greatestCommonDivisor(candidate, axis) === 1);
  while (stride > 1 && !coprime(stride)) stride--;
  return { stride, offset: ((seed % stride) + stride) % stride };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function keptStatistics<T>(ops: TensorOps<T>, parameter: ParameterInfo, scope: Scope): Record<string, T> {
  const axes = statisticsAxes(parameter, scope);
  const own = (scope === 'head' && axesByHead(parameter)?.shape) || parameter.shape;
  const shape = axes ? own.map((size, axis) => (axes.includes(axis) ? 1 : size)) : [];
  return { mean: ops.full(shape, 0), std: ops.full(shape, 0), seen: ops.full([], 0) };
}

/** The slots that a step leaves behind, for the modes that keep statistics. */
export function nextStatistics<T>(ops: TensorOps<T>, { measured, slots }: Leaf<T>): Record<string, T> {
  if (slots.seen === undefined) return {};
  return { mean: measured.nextMean, std: measured.nextStd, seen: ops.full([], 1) };
}
