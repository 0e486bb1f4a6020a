import { elementCount, type Graph, type Node, type Value } from '../onnx/graph.ts';
import { append, appendReshape, withoutNodes } from './rewriting.ts';

/**
 * Rewrites convolutions for ONNX Runtime's channel-blocked kernels.
 *
 * Its convolution of [N, C, H, W] tensors copies patches and multiplies matrices. Its direct kernels need no
 * copies, but want channels in blocks of 8 or 16: [N, C/b, H, W, b]. ONNX Runtime rewrites graphs for them by
 * itself only where kernels are constants, as in inference; while training, kernels are inputs. So each
 * convolution becomes
 *
 *     y = reorderOutput(conv(reorderInput(x), reorderKernel(kernel)))
 *
 * 3×3, stride 1, two threads, AVX-512, GFLOP/s with all reordering included:
 *
 *     x                plain   blocked
 *     64×16×32×32       97      178
 *     64×32×16×16      121      232
 *     64×64×8×8        168      252
 *
 * @param block channels a block, as the machine's kernels want it
 */
export function blockConvolutions(graph: Graph, block: number): Graph {
  const lowered = withoutNodes(graph);
  // A tensor read by several convolutions, or passed from one to the next, is reordered once.
  const blocked = new Map<Value, Value>();
  for (const node of graph.nodes) {
    const layout = kernelLayout(node, block);
    if (layout === undefined) {
      lowered.nodes.push(node);
      continue;
    }
    const [x, kernel, bias] = node.inputs as [Value, Value, Value | undefined];
    const y = node.outputs[0];
    if (layout !== 'narrow' && !blocked.has(x))
      blocked.set(x, append(lowered, 'com.microsoft.nchwc:ReorderInput', [x], {}, x.shape));
    const filters = layout === 'full' ? reorderFull(lowered, kernel, block) : reorderOutputs(lowered, kernel);
    const inputs = [blocked.get(x) ?? x, filters, ...(bias ? [bias] : [])];
    const result = append(lowered, 'com.microsoft.nchwc:Conv', inputs, node.attributes, y.shape);
    blocked.set(y, result);
    const attributes = { channels: y.shape[1] };
    lowered.nodes.push({ opType: 'ReorderOutput', domain, inputs: [result], outputs: [y], attributes });
  }
  return lowered;
}

const domain = 'com.microsoft.nchwc';

/**
 * How the blocked kernel wants its filters, or undefined where there is none for this node: `full` blocks
 * inputs and outputs; `narrow` reads few channels (an image's three) unblocked; `depthwise` has one input a filter.
 */
function kernelLayout(node: Node, block: number): 'full' | 'narrow' | 'depthwise' | undefined {
  if (node.opType !== 'Conv' || node.domain !== '') return undefined;
  const channels = node.inputs[0]!.shape[1];
  const filters = node.inputs[1]!.shape[0];
  const { group } = node.attributes;
  if (filters % block !== 0) return undefined;
  if (group === 1) return channels % block === 0 ? 'full' : channels < block ? 'narrow' : undefined;
  // A depthwise 1×1 convolution only scales: one pass as it is.
  const scales = elementCount(node.inputs[1]!.shape) === filters;
  return group === channels && group === filters && !scales ? 'depthwise' : undefined;
}

/** [O, I, h, w] → [O/b, I, h·w, b] in memory: a block of output channels last. */
function reorderOutputs(graph: Graph, kernel: Value): Value {
  const o = kernel.shape[0];
  const flat = appendReshape(graph, kernel, [1, o, elementCount(kernel.shape) / o, 1]);
  return appendReshape(
    graph,
    append(graph, 'com.microsoft.nchwc:ReorderInput', [flat], {}, flat.shape),
    kernel.shape,
  );
}

/** [O, I, h, w] → [O/b, I/b, h·w, b, b] in memory: within a block, inputs before outputs. */
function reorderFull(graph: Graph, kernel: Value, block: number): Value {
  const [o, i, h, w] = kernel.shape as [number, number, number, number];
  const pieces = appendReshape(graph, reorderOutputs(graph, kernel), [
    o / block,
    i / block,
    block,
    h * w,
    block,
  ]);
  const swapped = append(
    graph,
    'Transpose',
    [pieces],
    { perm: [0, 1, 3, 2, 4] },
    pieces.shape.with(2, h * w).with(3, block),
  );
  return appendReshape(graph, swapped, kernel.shape);
}
