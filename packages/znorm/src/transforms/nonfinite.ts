import { knownOptions, oneOf, optionError, positive, positiveInteger } from '../option-checks.ts';
import { sizeOf } from '../parameters.ts';
import type { TensorOps } from '../tensor-ops.ts';
import { type Composite, type Measured, named, type Primitive, primitive } from '../transformation.ts';
import { hypot } from './hypot.ts';

export interface NonfiniteOptions {
  /**
   * What a NaN or an infinity does: `throw` ends training naming the tensor, `skip` ends the step (updates are 0 and
   * no later state moves), `zero` replaces such elements by 0. @default 'throw'
   */
  readonly action?: 'throw' | 'skip' | 'zero';
  /** With `skip`: how many steps in a row may be skipped before training ends. @default 10 */
  readonly maxConsecutive?: number;
}

/**
 * Guards against NaN and infinity. Put it first: everything after it sees finite gradients.
 *
 *     zero:  u ← g where g is finite, else 0
 *     skip:  u ← g if all of g is finite, else the step is not taken
 *
 * Shapes: any. State: none of its own; skipped steps are counted in `state.gates`. Params: unused. Reports the
 * number of non-finite elements of each tensor as `nonfinite`.
 *
 * @throws RangeError if an option is out of its range; during training under `throw`, and after `maxConsecutive`
 *   skipped steps in a row
 * @example
 * chain(nonfinite({ action: 'skip', maxConsecutive: 5 }), znorm(), adam({ learningRate: 1e-3 }))
 */
export function nonfinite(options: NonfiniteOptions = {}): Primitive {
  knownOptions('nonfinite', options, ['action', 'maxConsecutive']);
  const action = oneOf('nonfinite', 'action', options.action ?? 'throw', ['throw', 'skip', 'zero']);
  const maxConsecutive = positiveInteger('nonfinite', 'maxConsecutive', options.maxConsecutive ?? 10);
  if (options.maxConsecutive !== undefined && action !== 'skip') {
    throw optionError('nonfinite', 'maxConsecutive', "to go with action 'skip'", options.maxConsecutive);
  }
  return primitive({
    name: 'nonfinite',
    options,
    reduction: {
      group: () => 'all',
      measure: (ops, g, { parameter }) => ({
        count: ops.sub(sizeOf(parameter.shape), ops.sum(ops.isFinite(g))),
      }),
      combine(ops, members) {
        const total = members.map(({ measured }) => measured.count).reduce((a, b) => ops.add(a, b));
        if (action === 'throw') refuse(ops, total, members);
        return { total };
      },
    },
    update: (ops, g, { measured: { count } }) => ({
      updates: action === 'zero' ? ops.where(ops.isFinite(g), g, 0) : g,
      reports: { nonfinite: count },
    }),
    gate: action === 'skip' ? (ops, pooled) => ops.lessEqual(pooled.total, 0) : undefined,
    maxConsecutiveSkips: maxConsecutive,
  });
}

/**
 * Replaces elements that are NaN or infinite by 0: `nonfinite({ action: 'zero' })` under its usual name.
 *
 *     u ← g where g is finite, else 0
 *
 * Shapes: any. State: none. Params: unused. Reports the number of such elements as `nonfinite`.
 *
 * @example
 * chain(zeroNonFinite(), adam({ learningRate: 1e-3 }))
 * @see Optax, zero_nans
 */
export function zeroNonFinite(options: Record<string, never> = {}): Composite {
  knownOptions('zeroNonFinite', options, []);
  return named('zeroNonFinite', options, nonfinite({ action: 'zero' }));
}

export interface SkipLargeUpdatesOptions {
  /** c > 0; unit of the gradient. */
  readonly maxNorm: number;
  /** How many steps in a row may be skipped before training ends. @default 10 */
  readonly maxConsecutive?: number;
}

/**
 * Leaves out steps whose gradients are too large together: the batch is not used, where clipping would use a part.
 *
 *     u ← g if ‖(g_1, …, g_n)‖ ≤ c, else the step is not taken
 *
 * Shapes: any. State: none of its own; skipped steps are counted in `state.gates`, and take nothing off a schedule
 * after it. Params: unused. NaN counts as too large.
 *
 * @throws RangeError if an option is out of its range; during training after `maxConsecutive` skipped steps in a row
 * @example
 * chain(skipLargeUpdates({ maxNorm: 100 }), adam({ learningRate: 1e-3 }))
 * @see Optax, skip_large_updates
 */
export function skipLargeUpdates(options: SkipLargeUpdatesOptions): Primitive {
  knownOptions('skipLargeUpdates', options, ['maxNorm', 'maxConsecutive']);
  const maxNorm = positive('skipLargeUpdates', 'maxNorm', options.maxNorm);
  const maxConsecutive = positiveInteger('skipLargeUpdates', 'maxConsecutive', options.maxConsecutive ?? 10);
  return primitive({
    name: 'skipLargeUpdates',
    options,
    reduction: {
      group: () => 'all',
      measure: (ops, g) => ({ norm: ops.norm(g) }),
      combine(ops, members) {
        const norms = members.map(({ measured }) => measured.norm);
        return { norm: hypot(ops, norms) };
      },
    },
    update: (_ops, g) => ({ updates: g }),
    gate: (ops, pooled) => ops.lessEqual(pooled.norm, maxNorm),
    maxConsecutiveSkips: maxConsecutive,
  });
}

/** Reads one number a step; the counts tensor by tensor only once there is something to tell. */
function refuse<T>(ops: TensorOps<T>, total: T, members: readonly Measured<T>[]): void {
  const read = ops.toNumber;
  if (!read) {
    throw new TypeError(
      "nonfinite: expected a backend that can read values for `action: 'throw'`, got one that is tracing. Use 'skip' or 'zero'.",
    );
  }
  if (read(total) === 0) return;
  const bad = members.filter(({ measured }) => read(measured.count) > 0);
  const { parameter, measured } = bad[0];
  const others = bad.length === 1 ? '' : ` and in ${bad.length - 1} more of ${members.length} tensors`;
  throw new RangeError(
    `nonfinite: expected finite gradients, got ${read(measured.count)} of ${sizeOf(parameter.shape)} elements NaN or infinite at '${parameter.path}'${others}. Lower the learning rate, clip, or choose \`action: 'skip'\`.`,
  );
}
