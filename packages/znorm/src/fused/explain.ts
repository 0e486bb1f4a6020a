import type { ParameterInfo } from '../parameters.ts';
import type { GradientTransformation } from '../transformation.ts';
import {
  type FusedPlan,
  isStriped,
  measureOf,
  type PlannedStage,
  type PlannedTensor,
  planFused,
  type UnfusedPlan,
} from './plan.ts';

/** Whether and how a chain is fused, as data and for reading. */
export interface Explanation {
  readonly fused: boolean;
  readonly stages: readonly PlannedStage[];
  /**
   * How many float32 numbers a step moves between memory and processor, on average for a parameter: what its time is
   * made of. `undefined` if it is not fused.
   */
  readonly wordsPerParameter: number | undefined;
  /** What became of the threads that `createFusedUpdate` was asked for, if more than one. */
  readonly threads?: ThreadsTaken;
  /** The same as lines of text. */
  readonly text: string;
}

export interface ThreadsTaken {
  readonly count: number;
  /** Why there are no more, where there was something against it. */
  readonly reason: string | undefined;
}

/**
 * Says which transformations of a chain the fused kernel runs, how, and what stands against the others. A chain is
 * fused as a whole or runs as a whole on the `arrays` backend, with the same result.
 *
 * @param parameters what it is to run on. @default a kernel [64, 64] and its bias [64]
 * @example
 * console.log(explain(chain(znorm(), adam())).text);
 */
export function explain(
  transformation: GradientTransformation,
  parameters: readonly ParameterInfo[] = anyParameters,
): Explanation {
  return explanationOf(planFused(transformation, parameters));
}

const anyParameters: readonly ParameterInfo[] = [
  { path: 'layer/kernel', shape: [64, 64], outputAxis: 0, role: 'kernel' },
  { path: 'layer/bias', shape: [64], outputAxis: 0, role: 'bias' },
];

export function explanationOf(plan: FusedPlan | UnfusedPlan, threads?: ThreadsTaken): Explanation {
  const { stages, parameters } = plan;
  const wordsPerParameter = plan.fused ? wordsOf(plan) : undefined;
  const width = Math.max(0, ...stages.map(({ key }) => key.length));
  const lines = stages.map(
    ({ key, fused, how, parameters: own }) =>
      `  ${fused ? ' ' : '✗'} ${key.padEnd(width)}  ${tensors(own).padStart(11)}  ${how}`,
  );
  const head =
    wordsPerParameter === undefined
      ? 'not fused: runs on the arrays backend'
      : `fused: one call for ${tensors(parameters.length)}, ${Number(wordsPerParameter.toFixed(2))} words a parameter`;
  const text = [`${head}${threads ? onThreads(threads) : ''}`, ...lines].join('\n');
  return { fused: plan.fused, stages, wordsPerParameter, ...(threads && { threads }), text };
}

function onThreads({ count, reason }: ThreadsTaken): string {
  return `, on ${count === 1 ? 'one thread' : `${count} threads`}${reason === undefined ? '' : `: ${reason}`}`;
}

function tensors(count: number): string {
  return `${count} ${count === 1 ? 'tensor' : 'tensors'}`;
}

/**
 * A gradient is read, once more if a guard looks at it and once more if it is measured; a parameter and each of its
 * moments are read and written.
 */
function wordsOf({ batches }: FusedPlan): number {
  let words = 0;
  let elements = 0;
  for (const tensor of batches.flatMap((batch) => batch.tensors)) {
    const { unitCount, unitSize, recipe, isGuarded } = tensor;
    const moments = [recipe.first, recipe.second].filter((slot) => slot !== undefined).length;
    const reads = 1 + (isGuarded ? 1 : 0) + readsToMeasure(tensor);
    words += unitCount * unitSize * (reads + 2 + 2 * moments);
    elements += unitCount * unitSize;
  }
  return elements === 0 ? 0 : words / elements;
}

/** On average over steps. */
function readsToMeasure(tensor: PlannedTensor): number {
  const between = measureOf(tensor, () => false);
  if (between === 'moments' && isStriped(tensor)) return 2;
  if (between === 'squares' || between === 'moments') return 1;
  // Only statistics of every k-th step need a reading of their own now and then.
  const shares = tensor.tasks.map(({ statistics }) =>
    typeof statistics === 'object' && 'every' in statistics ? 1 / statistics.every : 0,
  );
  return Math.max(0, ...shares);
}
