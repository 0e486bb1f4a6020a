import type { Value, Vjp } from '../onnx/graph.ts';

/**
 * Records how to differentiate an operator whose result has just been emitted, and returns the result.
 * The last rule recorded for a value counts, so an operator composed of others replaces their rules with its closed form.
 *
 * @param vjps one rule an input: given ∂loss/∂output, emits ∂loss/∂input with the input's shape. Rules run
 *   only for inputs that lead to a wanted parameter. `undefined` marks an input without gradient.
 */
export function differentiable(
  outputValue: Value,
  inputs: readonly Value[],
  vjps: readonly (Vjp | undefined)[],
): Value {
  return differentiableMany([outputValue], inputs, vjps)[0];
}

/** The same for an operator with several results; its rules receive one gradient for each. */
export function differentiableMany(
  outputs: readonly Value[],
  inputs: readonly Value[],
  vjps: readonly (Vjp | undefined)[],
): readonly Value[] {
  const { graph } = outputs[0];
  if (!graph.sweeping) {
    graph.tape.set(outputs[0], { inputs, outputs, vjps });
    for (const value of outputs) graph.gradientValues.delete(value);
  }
  return outputs;
}
