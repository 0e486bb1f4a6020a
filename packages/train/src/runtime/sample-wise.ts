import { type Graph, int64s, type Node, type Value } from '../onnx/graph.ts';
import { kernelGradientOp } from './blocked-kernel-gradient.ts';

/** How a node can run on some of the samples, which lie along axis 0, at a time. */
export interface SampleWise {
  /** Which inputs are cut along axis 0, as the output is; the others serve all samples. */
  readonly cut: readonly boolean[];
  /** Whether the result sums over the samples: then those of the pieces are added up, or averaged for a mean. */
  readonly joins: boolean;
}

/** Undefined for a node of which it is not known, or not true: it runs on the whole batch. */
export function sampleWise(graph: Graph, node: Node): SampleWise | undefined {
  if (node.outputs.length !== 1 || node.outputs[0].dtype !== 'float32') return undefined;
  const found = rules[node.opType]?.(node, (index) => integers(graph, node.inputs[index]));
  return found?.cut.includes(true) ? found : undefined;
}

/** The node's inputs for a piece of so many samples: some operators are told the shape they are to give. */
export function inputsForSamples(graph: Graph, node: Node, samples: number): readonly (Value | undefined)[] {
  if (node.opType !== 'Reshape' && node.opType !== 'Expand') return node.inputs;
  return node.inputs.with(1, int64s(graph, node.outputs[0].shape.with(0, samples)));
}

type Rule = (
  node: Node,
  constant: (index: number) => readonly number[] | undefined,
) => SampleWise | undefined;

/** Inputs that have as many samples as the output are cut; what broadcasts along the samples is not. */
const broadcasting: Rule = ({ inputs, outputs: [{ shape }] }) => ({
  cut: inputs.map(
    (value) => shape.length > 0 && value?.shape.length === shape.length && value.shape[0] === shape[0],
  ),
  joins: false,
});

const firstInput: Rule = ({ inputs, outputs: [y] }) => ({
  cut: inputs.map((value, i) => i === 0 && y.shape.length > 0 && value?.shape[0] === y.shape[0]),
  joins: false,
});

const firstInputIf =
  (condition: (...call: Parameters<Rule>) => boolean | undefined): Rule =>
  (node, constant) =>
    condition(node, constant) ? firstInput(node, constant) : undefined;

const reduction: Rule = (node, constant) => {
  const axes = constant(1);
  const rank = node.inputs[0]!.shape.length;
  if (axes === undefined) return undefined;
  const overSamples = axes.some((axis) => (axis + rank) % rank === 0);
  return overSamples ? { cut: [true, false], joins: true } : firstInput(node, constant);
};

const rules: Readonly<Record<string, Rule>> = {
  Add: broadcasting,
  Sub: broadcasting,
  Mul: broadcasting,
  Div: broadcasting,
  Min: broadcasting,
  Max: broadcasting,
  Relu: broadcasting,
  LeakyRelu: broadcasting,
  HardSigmoid: broadcasting,
  Sigmoid: broadcasting,
  Tanh: broadcasting,
  Gelu: broadcasting,
  Erf: broadcasting,
  Exp: broadcasting,
  Sqrt: broadcasting,
  Reciprocal: broadcasting,
  Neg: broadcasting,
  Abs: broadcasting,
  MatMul: (node, constant) => (node.outputs[0].shape.length > 2 ? broadcasting(node, constant) : undefined),
  Conv: firstInput,
  ConvTranspose: firstInput,
  AveragePool: firstInput,
  ReorderInput: firstInput,
  ReorderOutput: firstInput,
  Reshape: firstInput,
  Expand: firstInput,
  Transpose: firstInputIf(({ attributes }) => (attributes.perm as readonly number[])[0] === 0),
  Gather: firstInputIf(({ attributes }) => typeof attributes.axis === 'number' && attributes.axis > 0),
  Pad: firstInputIf(({ inputs }, constant) => {
    const pads = constant(1);
    return pads?.[0] === 0 && pads[inputs[0]!.shape.length] === 0;
  }),
  Slice: firstInputIf((_, constant) => constant(3)?.every((axis) => axis > 0)),
  ReduceSum: reduction,
  ReduceMean: reduction,
  [kernelGradientOp]: () => ({ cut: [true, true], joins: true }),
};

function integers(graph: Graph, value: Value | undefined): readonly number[] | undefined {
  const data = value && graph.initializers.get(value);
  return data instanceof BigInt64Array ? Array.from(data, Number) : undefined;
}
