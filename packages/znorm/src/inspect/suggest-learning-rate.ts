import { applyUpdates, init, type State, update } from '../apply.ts';
import type { ArrayTensor } from '../backends/arrays.ts';
import { knownOptions } from '../option-checks.ts';
import type { Named } from '../parameters.ts';
import type { GradientTransformation } from '../transformation.ts';
import type { ParameterInfos } from '../update-tensors.ts';

export interface SuggestLearningRateOptions {
  /** The chain whose rate is known to be good, at that rate; leave out its warm-up. */
  readonly reference: GradientTransformation;
  /** The chain that wants a rate, made at the rate it is given. */
  readonly candidate: (learningRate: number) => GradientTransformation;
  /** Of a few batches, k >= 1, at the parameters below. */
  readonly gradients: readonly Named<ArrayTensor>[];
  /** What training starts from. */
  readonly params: Named<ArrayTensor>;
  readonly infos?: ParameterInfos;
}

export interface SuggestedLearningRate {
  /** At this rate the candidate's first k updates are as long as the reference's. */
  readonly learningRate: number;
  /**
   * How much longer or shorter each tensor's updates are then. Far from 1, no single rate makes the two alike: tensors
   * that the reference moves slowly the candidate moves fast, or the other way round.
   */
  readonly tensors: Readonly<Record<string, number>>;
}

/**
 * The learning rate at which a chain's first updates have the size of another's: where to begin the search for a good
 * one, when a normalization has changed what a rate means.
 *
 *     rate = sqrt(Σ_t ‖u_t of reference‖²) / sqrt(Σ_t ‖u_t of candidate(1)‖²),   t = 1 … k, over all tensors
 *
 * Both chains step through the same gradients, from the parameters given; those of one chain do not change the next
 * gradient. A beginning, not an answer: compare methods at rates tuned for each.
 *
 * @throws RangeError if there are no gradients, or the updates of either chain are 0 or not finite
 * @example
 * const { learningRate } = suggestLearningRate({
 *   reference: sgd({ learningRate: 0.1 }),
 *   candidate: (learningRate) => chain(normalizeByNorm({ scope: 'global' }), sgd({ learningRate })),
 *   gradients: [{ w: tensor([3, 4]) }],
 *   params: { w: tensor([0, 0]) },
 * });
 * Number(learningRate.toFixed(6)); // 0.5
 */
export function suggestLearningRate(options: SuggestLearningRateOptions): SuggestedLearningRate {
  const where = 'suggestLearningRate';
  knownOptions(where, options, ['reference', 'candidate', 'gradients', 'params', 'infos']);
  const { reference, candidate, gradients } = options;
  if (gradients.length === 0) {
    throw new RangeError(`${where}: expected gradients of at least one batch, got none.`);
  }
  const wanted = squaredSizes(reference, options);
  const atOne = squaredSizes(candidate(1), options);
  const learningRate = Math.sqrt(total(wanted) / total(atOne));
  if (!(learningRate > 0 && learningRate < Infinity)) {
    const sizes = [wanted, atOne].map((squares) => Math.sqrt(total(squares)));
    throw new RangeError(
      `${where}: expected updates that are finite and not 0, got ${sizes[0]} of the reference and ${sizes[1]} of the candidate. Are the gradients finite, and the first rates not those of a warm-up?`,
    );
  }
  const tensors = Object.entries(atOne).map(([path, square]) => [
    path,
    learningRate * Math.sqrt(square / wanted[path]),
  ]);
  return { learningRate, tensors: Object.fromEntries(tensors) };
}

/** Σ_t ‖u_t‖² of each tensor, in float64. */
function squaredSizes(
  transformation: GradientTransformation,
  { gradients, params: start, infos }: SuggestLearningRateOptions,
): Record<string, number> {
  let params = start;
  let state: State<ArrayTensor> = init(transformation, params, infos);
  const squares = Object.fromEntries(Object.keys(gradients[0]).map((path) => [path, 0]));
  for (const gradient of gradients) {
    const result = update(transformation, gradient, state, params, infos);
    state = result.state;
    params = applyUpdates(params, result.updates);
    for (const [path, { data }] of Object.entries(result.updates)) {
      for (const x of data) squares[path] += x * x;
    }
  }
  return squares;
}

function total(squares: Readonly<Record<string, number>>): number {
  return Object.values(squares).reduce((sum, square) => sum + square, 0);
}
