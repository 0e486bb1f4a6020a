import type { ParameterInfo } from 'znorm';
import { cast } from './autodiff/arithmetic.ts';
import { gradients } from './autodiff/gradients.ts';
import { createScope, type Declarations } from './layers/scope.ts';
import type { Built, Objective } from './objective.ts';
import { createGraph, elementCount, type Graph, input, output, type Value } from './onnx/graph.ts';
import { reachable } from './onnx/reachable.ts';

/** A graph ready to be loaded, for one number of samples. Its tensors are called as `graphNames` says. */
export interface StepGraph {
  readonly graph: Graph;
  readonly declared: Declarations;
  readonly batchSize: number;
  /** The objective's inputs that are fed, in the order of their declaration. */
  readonly inputs: readonly string[];
  /** The objective's counts and outputs that can be read. */
  readonly counts: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * How the tensors of a step are called in the graph. The objective's inputs, parameters, buffers and random inputs go
 * by their own names; what is read has a space in it, which keeps it apart from them.
 */
export const graphNames = {
  loss: 'value of loss',
  weight: 'value of weight',
  count: (name: string) => `count of ${name}`,
  output: (name: string) => `output of ${name}`,
  gradient: (path: string) => `gradient of ${path}`,
  next: (path: string) => `next ${path}`,
};

/** Forward, loss and backward: from batch and parameters to loss, counts, gradients and the buffers' next values. */
export function trainingGraph(objective: Objective, batchSize: number): StepGraph {
  const { built, declared, graph } = forward(objective, batchSize, true);
  const parameters = [...declared.parameters.values()].map(({ value }) => value);
  if (parameters.length === 0)
    throw new RangeError('createTrainer: expected an objective with parameters, got none.');
  const counts = measured(built);
  for (const [i, gradient] of gradients(built.loss, parameters).entries()) {
    output(gradient, graphNames.gradient(parameters[i].name));
  }
  for (const [path, { next }] of declared.buffers) if (next) output(next, graphNames.next(path));
  return { graph, declared, batchSize, inputs: Object.keys(objective.inputs), counts, outputs: [] };
}

/** From batch, parameters and buffers to loss and counts. */
export function evaluationGraph(objective: Objective, batchSize: number): StepGraph {
  const { built, declared, graph } = forward(objective, batchSize, false);
  const counts = measured(built);
  return { graph, declared, batchSize, inputs: Object.keys(objective.inputs), counts, outputs: [] };
}

/** From parameters, buffers and as much of the batch as they need to the outputs. */
export function predictionGraph(objective: Objective, batchSize: number): StepGraph {
  const { built, declared, graph } = forward(objective, batchSize, false);
  const outputs = Object.entries(built.outputs ?? {});
  if (outputs.length === 0) throw new RangeError('predict: expected an objective with outputs, got none.');
  for (const [name, value] of outputs) {
    if (value.dtype !== 'float32' || value.shape[0] !== batchSize) {
      throw new RangeError(
        `predict: expected float32 [${batchSize}, …] for the output \`${name}\`, got ${value.dtype} [${value.shape}].`,
      );
    }
    output(value, graphNames.output(name));
  }
  const needed = reachable(graph);
  const fed = new Set(needed.inputs.map(({ name }) => name));
  return {
    graph: needed,
    declared,
    batchSize,
    inputs: Object.keys(objective.inputs).filter((name) => fed.has(name)),
    counts: [],
    outputs: outputs.map(([name]) => name),
  };
}

/**
 * The parameters that an objective declares, in the order of the model, without loading anything.
 *
 * @example
 * parametersOf(classification({ model: mlp({ hidden: [4], classes: 2 }), input: { shape: [3] } })).map(({ path }) => path);
 * // ['hidden0/kernel', 'hidden0/bias', 'output/kernel', 'output/bias']
 */
export function parametersOf(objective: Objective): ParameterInfo[] {
  const { declared } = forward(objective, 1, true);
  return [...declared.parameters.values()].map(({ info }) => info);
}

function forward(objective: Objective, batchSize: number, training: boolean) {
  const graph = createGraph();
  const inputs = Object.fromEntries(
    Object.entries(objective.inputs).map(([name, { shape, dtype }]): [string, Value] => {
      const value = input(graph, name, [batchSize, ...shape], dtype);
      return [name, dtype === 'int32' ? cast(value, 'int64') : value];
    }),
  );
  const { scope, declared } = createScope(graph, { training });
  return { built: objective.build(inputs, scope), declared, graph };
}

/** Makes loss, weight and counts readable; the names of the counts. */
function measured({ loss, weight, counts = {} }: Built): string[] {
  output(single('loss', loss), graphNames.loss);
  if (weight) output(single('weight', weight), graphNames.weight);
  for (const [name, value] of Object.entries(counts)) {
    output(single(`counts.${name}`, value), graphNames.count(name));
  }
  return Object.keys(counts);
}

function single(name: string, value: Value): Value {
  if (value.dtype === 'float32' && elementCount(value.shape) === 1) return value;
  throw new RangeError(
    `createTrainer: expected one float32 number for \`${name}\` of the objective, got ${value.dtype} [${value.shape}].`,
  );
}
