import { constant, type Graph, type Node, newValue, type Value } from '../onnx/graph.ts';
import { append, appendReshape, withoutNodes } from './rewriting.ts';

/**
 * Rewrites matrix products of which the number of threads would change the last bits.
 *
 *     y = a · b,  [m, k] · [k, n] → [m, n]
 *
 * The native runtime gives each thread some of the rows or some of the columns, whichever are more, and sums over k in
 * blocks: of 128, but of more where a thread has few columns. So where n > m and k > 128, threads move the ends of the
 * blocks, and rounding with them. Divided by rows each sum is the same on any thread. Hence, for those products,
 *
 *     y = (bᵀ · aᵀ)ᵀ
 *
 * A single row is another kernel's, which does not divide sums.
 */
export function divideProductsByRows(graph: Graph): Graph {
  const lowered = withoutNodes(graph);
  for (const node of graph.nodes) {
    if (!dependsOnThreads(node)) lowered.nodes.push(node);
    else if (node.opType === 'Gemm') swapGemm(lowered, node);
    else swapMatMul(lowered, node);
  }
  return lowered;
}

/** Up to this many terms are one block, whatever the columns. */
const blockOfTerms = 128;

function dependsOnThreads({ opType, domain, inputs, outputs, attributes }: Node): boolean {
  if (domain !== '' || (opType !== 'Gemm' && opType !== 'MatMul')) return false;
  const [m, n] = outputs[0].shape.slice(-2);
  const k = inputs[0]!.shape.at(attributes.transA === 1 ? -2 : -1)!;
  return m > 1 && n > m && k > blockOfTerms;
}

/**
 * A bias of any shape that broadcasts to [m, n] becomes one that broadcasts to [n, m]. Where there is none, a zero
 * stands in: ONNX Runtime would otherwise fuse product and transpose, back to where we started.
 */
function swapGemm(graph: Graph, { inputs, outputs, attributes }: Node): void {
  const [a, b, bias] = inputs as [Value, Value, Value | undefined];
  const [m, n] = outputs[0].shape;
  const { transA, transB } = attributes as { transA: number; transB: number };
  const operands = [b, a, bias ? column(graph, bias) : constant(graph, 0)];
  const y = append(graph, 'Gemm', operands, { transA: 1 - transB, transB: 1 - transA }, [n, m]);
  graph.nodes.push(transpose(y, outputs[0]));
}

function column(graph: Graph, bias: Value): Value {
  if (bias.shape.length === 2) return transposed(graph, bias);
  if (bias.shape.length === 0) return bias;
  return appendReshape(graph, bias, [bias.shape[0], 1]);
}

function swapMatMul(graph: Graph, { inputs, outputs, attributes }: Node): void {
  const [a, b] = inputs as [Value, Value];
  const operands = [transposed(graph, b), transposed(graph, a)];
  const y = append(graph, 'MatMul', operands, attributes, swapLast(outputs[0].shape));
  graph.nodes.push(transpose(y, outputs[0]));
}

function transposed(graph: Graph, x: Value): Value {
  const y = newValue(graph, 'Transpose', swapLast(x.shape), x.dtype);
  graph.nodes.push(transpose(x, y));
  return y;
}

function transpose(x: Value, y: Value): Node {
  const perm = swapLast(x.shape.map((_, axis) => axis));
  return { opType: 'Transpose', domain: '', inputs: [x], outputs: [y], attributes: { perm } };
}

function swapLast(values: readonly number[]): number[] {
  return [...values.slice(0, -2), values.at(-1)!, values.at(-2)!];
}
