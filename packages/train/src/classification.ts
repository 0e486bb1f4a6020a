import { cast, equal } from './autodiff/arithmetic.ts';
import { softmaxCrossEntropy } from './autodiff/cross-entropy.ts';
import { reduceSum } from './autodiff/reduction.ts';
import { knownOptions } from './known-options.ts';
import { createScope, type Layer } from './layers/scope.ts';
import type { Objective } from './objective.ts';
import { createGraph, emit, input as graphInput, type Value } from './onnx/graph.ts';

/** One number from the model's output [N, classes] and the labels, int64 [N]: the mean over the batch. */
export type Loss = (logits: Value, labels: Value) => Value;

export interface ClassificationOptions {
  /** From inputs [N, …input.shape] to logits [N, classes]. */
  readonly model: Layer;
  /** The shape of one sample, such as `[3, 32, 32]`. */
  readonly input: { readonly shape: readonly number[] };
  /** @default softmaxCrossEntropy */
  readonly loss?: Loss;
}

/**
 * One label a sample. Inputs `inputs` and `labels`; counts `correct`, the samples whose largest logit (the first of
 * equal ones) is their label's; outputs `logits`.
 *
 * @throws RangeError if the model does not give [N, classes]
 * @example
 * classification({ model: resnet({ depth: 20, classes: 10 }), input: { shape: [3, 32, 32] } })
 */
export function classification(options: ClassificationOptions): Objective {
  knownOptions('classification', options, ['model', 'input', 'loss']);
  const { model, input, loss = softmaxCrossEntropy } = options;
  return {
    inputs: {
      inputs: { shape: input.shape },
      labels: { shape: [], dtype: 'int32', below: classesOf(model, input.shape) },
    },
    build({ inputs, labels }, scope) {
      const logits = model(inputs, scope);
      const { graph, shape } = logits;
      graph.layer = 'loss';
      const largest = emit(graph, 'ArgMax', [logits], { axis: 1, keepdims: 0 }, [shape[0]], 'int64');
      const correct = reduceSum(cast(equal(largest, labels), 'float32'));
      return { loss: loss(logits, labels), counts: { correct }, outputs: { logits } };
    },
  };
}

/** Builds the model for one sample, to see what it gives. */
function classesOf(model: Layer, sample: readonly number[]): number {
  const graph = createGraph();
  const { scope } = createScope(graph, { training: false });
  const { shape } = model(graphInput(graph, 'inputs', [1, ...sample]), scope);
  if (shape.length === 2 && shape[0] === 1) return shape[1];
  throw new RangeError(
    `classification: expected a model that gives [N, classes] for inputs of shape [${['N', ...sample]}], got [${shape.map((axis, i) => (i === 0 && axis === 1 ? 'N' : axis))}].`,
  );
}
