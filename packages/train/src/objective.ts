import type { InputSpecs } from './batch.ts';
import type { Scope } from './layers/scope.ts';
import type { Value } from './onnx/graph.ts';

/**
 * What is trained: from the named tensors of a batch to one loss, and what else may be read.
 *
 * @example
 * const autoencoder: Objective = {
 *   inputs: { images: { shape: [784] } },
 *   build({ images }, scope) {
 *     const code = relu(dense({ units: 32 })(images, scope.child('encoder')));
 *     const decoded = dense({ units: 784 })(code, scope.child('decoder'));
 *     return { loss: meanSquaredError(decoded, images), outputs: { code, decoded } };
 *   },
 * };
 */
export interface Objective {
  /** Tensors of one sample by name. In the graph each has the batch as its first axis. */
  readonly inputs: InputSpecs;
  /**
   * Builds the graph of one batch, once for training and once for evaluation: `scope.training` tells which, and the
   * loss may be another in each. The parameters must be the same.
   */
  readonly build: (inputs: Readonly<Record<string, Value>>, scope: Scope) => Built;
}

/** What a batch comes to. */
export interface Built {
  /** One number; its gradient is what training follows. */
  readonly loss: Value;
  /**
   * One number: what the loss weighs in a mean over several batches, such as the tokens that it is a mean of.
   *
   * @default the samples of the batch
   */
  readonly weight?: Value;
  /** Single numbers that add up over batches, such as how many answers were correct. */
  readonly counts?: Readonly<Record<string, Value>>;
  /** What `predict()` gives. First axis the batch. */
  readonly outputs?: Readonly<Record<string, Value>>;
}
