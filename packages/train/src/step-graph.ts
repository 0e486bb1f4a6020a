import { gradients } from './autodiff/gradients.ts';
import { createScope, type Declarations, type Layer } from './layers/scope.ts';
import { createGraph, type Graph, input, output, type Value } from './onnx/graph.ts';

/** One number from the model's output [N, classes] and the labels, int64 [N]: the mean over the batch. */
export type Loss = (logits: Value, labels: Value) => Value;

export interface StepGraphOptions {
  readonly model: Layer;
  readonly loss: Loss;
  readonly batchSize: number;
  /** Of one sample. */
  readonly inputShape: readonly number[];
}

/** A graph ready to be loaded. Inputs and outputs are called as `graphNames` says. */
export interface StepGraph {
  readonly graph: Graph;
  readonly declared: Declarations;
  readonly inputShape: readonly number[];
  /** [N, classes] */
  readonly logitsShape: readonly number[];
}

/** How the tensors of a step are called in the graph. Parameters, buffers and random inputs go by their path. */
export const graphNames = {
  inputs: 'inputs',
  labels: 'labels',
  loss: 'loss',
  logits: 'logits',
  gradient: (path: string) => `gradient of ${path}`,
  next: (path: string) => `next ${path}`,
};

/** Forward, loss and backward: from batch and parameters to loss, logits, gradients and the buffers' next values. */
export function trainingGraph(options: StepGraphOptions): StepGraph {
  const { loss, logits, declared } = forward(options, true);
  const parameters = [...declared.parameters.values()].map(({ value }) => value);
  if (parameters.length === 0)
    throw new RangeError('createTrainer: expected a model with parameters, got none.');
  for (const [i, gradient] of gradients(loss, parameters).entries()) {
    output(gradient, graphNames.gradient(parameters[i].name));
  }
  for (const [path, { next }] of declared.buffers) if (next) output(next, graphNames.next(path));
  return {
    graph: loss.graph,
    declared,
    inputShape: options.inputShape,
    logitsShape: logits.shape,
  };
}

/** From batch, parameters and buffers to loss and logits. */
export function evaluationGraph(options: StepGraphOptions): StepGraph {
  const { loss, logits, declared } = forward(options, false);
  return {
    graph: loss.graph,
    declared,
    inputShape: options.inputShape,
    logitsShape: logits.shape,
  };
}

function forward({ model, loss: lossOf, batchSize, inputShape }: StepGraphOptions, training: boolean) {
  const graph = createGraph();
  const inputs = input(graph, graphNames.inputs, [batchSize, ...inputShape]);
  const labels = input(graph, graphNames.labels, [batchSize], 'int64');
  const { scope, declared } = createScope(graph, { training });
  const logits = model(inputs, scope);
  if (logits.shape.length !== 2 || logits.shape[0] !== batchSize) {
    throw new RangeError(
      `createTrainer: expected a model that gives [${batchSize}, classes] for inputs of shape [${inputs.shape}], got [${logits.shape}].`,
    );
  }
  const loss = lossOf(logits, labels);
  output(loss, graphNames.loss);
  output(logits, graphNames.logits);
  return { loss, logits, declared };
}
