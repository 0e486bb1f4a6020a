import {
  constant,
  elementCount,
  emit,
  type Graph,
  sameShape,
  type TapeEntry,
  type Value,
  zeros,
} from '../onnx/graph.ts';

/**
 * Reverse-mode differentiation: emits into the same graph the nodes that compute ∂loss/∂parameter.
 *
 * Walks the tape backwards, and only along values that depend on a parameter and lead to the loss. A value
 * used k times receives the sum of its k gradients.
 *
 * @param loss one element, e.g. shape []
 * @returns one gradient a parameter, with its shape; zeros where the loss does not depend on it
 * @throws RangeError if the loss has more than one element, or was itself computed from gradients
 * @example
 * const [gradient] = gradients(meanSquaredError(gemm(x, w, { transB: true }), y), [w]);
 */
export function gradients(loss: Value, parameters: readonly Value[]): Value[] {
  const { graph } = loss;
  if (elementCount(loss.shape) !== 1)
    throw new RangeError(
      `gradients: expected a loss with one element, got shape [${loss.shape}]. Reduce it with reduceMean.`,
    );

  // Earlier gradients depend on the parameters too, but nothing says how: following them finds their misuse.
  const dependent = dependentOn([...parameters, ...graph.gradientValues], graph);
  const contributions = new Map<Value, Value[]>([[loss, [constant(graph, Float32Array.of(1), loss.shape)]]]);
  const { layer } = graph;
  graph.sweeping = true;
  try {
    for (const entry of [...graph.tape.values()].reverse()) {
      if (!entry.outputs.some((value) => contributions.has(value) && dependent.has(value))) continue;
      refuseSecondDerivative(entry);
      graph.layer = graph.origins.get(entry.outputs[0])?.layer ?? layer;
      const outputGradients = entry.outputs.map((value) => total(contributions, value));
      entry.inputs.forEach((value, i) => {
        const vjp = entry.vjps[i];
        if (!vjp || !dependent.has(value)) return;
        const gradient = vjp(...outputGradients);
        if (!sameShape(gradient.shape, value.shape))
          throw new Error(
            `gradients: the rule of \`${entry.outputs[0].name}\` gave shape [${gradient.shape}] for an input of shape [${value.shape}]. This is a bug in the rule.`,
          );
        contributions.set(value, [...(contributions.get(value) ?? []), gradient]);
      });
    }
    return parameters.map((parameter) => total(contributions, parameter));
  } finally {
    graph.sweeping = false;
    graph.layer = layer;
  }
}

/** Everything computed from the given values, by one walk forward over the tape. */
function dependentOn(values: readonly Value[], graph: Graph): Set<Value> {
  const dependent = new Set(values);
  for (const { inputs, outputs, vjps } of graph.tape.values())
    if (inputs.some((value, i) => vjps[i] && dependent.has(value)))
      for (const value of outputs) dependent.add(value);
  return dependent;
}

function total(contributions: Map<Value, Value[]>, value: Value): Value {
  const { graph, shape } = value;
  const [first, ...rest] = contributions.get(value) ?? [zeros(graph, shape)];
  // A chain of Add: ONNX's Sum of several tensors runs on one thread and is slower.
  const sum = rest.reduce((partial, part) => emit(graph, 'Add', [partial, part], {}, shape), first);
  contributions.set(value, [sum]);
  return sum;
}

function refuseSecondDerivative(entry: TapeEntry): void {
  const first = entry.inputs.find((value) => value.graph.gradientValues.has(value));
  if (first)
    throw new RangeError(
      `gradients: expected a loss that is not computed from gradients, got one that uses \`${first.name}\`. Second derivatives are not supported.`,
    );
}
