import { type Graph, int64s, type KernelGradient, type Node, type Value } from '../onnx/graph.ts';
import { reachable } from '../onnx/reachable.ts';
import { append, appendReshape, withoutNodes } from './rewriting.ts';

/** Stands for a kernel gradient from `markKernelGradients` to `lowerKernelGradients`. */
export const kernelGradientOp = 'ConvKernelGradient';

/**
 * Marks kernel gradients that ONNX Runtime's channel-blocked convolution can compute. With the samples in place of
 * channels, and channels in place of samples,
 *
 *     ∂kernel[o, i, u, v] = Σ_{n, r, c} g[o, n, r, c] · x[i, n, r·s + u·d − p, c·s + v·d − p]
 *
 * is a convolution of x, seen as [C, N, H, W], with the kernel g, seen as [O, N, r, c]. It reads x and g once, where a
 * product of matrices needs a copy for every row and every column of the window.
 *
 * Milliseconds on one thread for 16 samples, 3×3, stride 1, all reordering included:
 *
 *     x                rows × columns   this
 *     16×16×32×32      4.3              2.9
 *     16×32×16×16      1.9              1.3
 *     16×64×8×8        1.6              1.0
 */
export function markKernelGradients(graph: Graph, block: number): Graph {
  const nodes = graph.nodes.map((node) => {
    const gradient = graph.kernelGradients.get(node.outputs[0]);
    return gradient && fits(gradient, block) ? mark(node.outputs[0], gradient) : node;
  });
  // The nodes that only the replaced ones read go; inputs that nothing reads are still fed.
  return { ...reachable({ ...graph, nodes }), inputs: graph.inputs };
}

/** A block of g, of 16 samples and 16 channels, then takes 1 MiB: it is read again for each element of the result. */
const mostPositions = 1024;

function fits({ g }: KernelGradient, block: number): boolean {
  const [samples, filters, rows, columns] = g.shape;
  return samples % block === 0 && filters % block === 0 && rows * columns <= mostPositions;
}

function mark(gradient: Value, { x, g, strides, pads, dilations }: KernelGradient): Node {
  const attributes = { strides, pads, dilations };
  return { opType: kernelGradientOp, domain: 'znorm', inputs: [x, g], outputs: [gradient], attributes };
}

/** Writes marked kernel gradients out as operators of ONNX Runtime. */
export function lowerKernelGradients(graph: Graph, block: number): Graph {
  const lowered = withoutNodes(graph);
  lowerNodes(lowered, graph.nodes, block);
  return lowered;
}

function lowerNodes(graph: Graph, nodes: readonly Node[], block: number): void {
  // The convolution that gives ∂loss/∂x has g reordered too.
  const blocked = new Map<Value, Value>();
  for (const node of nodes) {
    const { body } = node.attributes;
    if (node.opType === kernelGradientOp) lowerKernelGradient(graph, node, blocked, block);
    else if (typeof body === 'object' && 'body' in body) {
      const inner: Graph = { ...graph, nodes: [] };
      lowerNodes(inner, body.body.nodes, block);
      const attributes = { ...node.attributes, body: { body: { ...body.body, nodes: inner.nodes } } };
      graph.nodes.push({ ...node, attributes });
    } else {
      graph.nodes.push(node);
      if (node.opType === 'ReorderInput') blocked.set(node.inputs[0]!, node.outputs[0]);
    }
  }
}

function lowerKernelGradient(graph: Graph, node: Node, blocked: Map<Value, Value>, block: number): void {
  const g = node.inputs[1]!;
  const [gradient] = node.outputs;
  const { strides, dilations } = node.attributes as Record<string, readonly number[]>;
  const [o, c, h, w] = gradient.shape as [number, number, number, number];
  const [n, , rows, columns] = g.shape as [number, number, number, number];
  const images = samplesAsChannels(graph, node, block);
  const filters = samplesAsInputs(graph, g, blocked, block);
  const result = append(
    graph,
    'com.microsoft.nchwc:Conv',
    [images, appendReshape(graph, filters, [o, n, rows, columns])],
    // Strides and dilations change places: what was one step of the window is now one step within it.
    { kernel_shape: [rows, columns], strides: dilations, dilations: strides },
    [c, o, h, w],
  );
  const plain = append(graph, 'com.microsoft.nchwc:ReorderOutput', [result], { channels: o }, [c, o, h, w]);
  graph.nodes.push({
    opType: 'Transpose',
    domain: '',
    inputs: [plain],
    outputs: [gradient],
    attributes: { perm: [1, 0, 2, 3] },
  });
}

/** x [N, C, H, W] → [C, N/b, H′, W′, b] in memory, with just as much border as the windows reach. */
function samplesAsChannels(graph: Graph, { inputs, outputs, attributes }: Node, block: number): Value {
  const [x, g] = inputs as [Value, Value];
  const { strides, pads, dilations } = attributes as Record<string, readonly number[]>;
  const [n, c, height, width] = x.shape as [number, number, number, number];
  const [reachedRows, reachedColumns] = ([0, 1] as const).map(
    (axis) =>
      (g.shape[2 + axis] - 1) * strides[axis] + (outputs[0].shape[2 + axis] - 1) * dilations[axis] + 1,
  );
  const blocks = n / block;
  const flat = appendReshape(graph, x, [blocks, block, c * height, width]);
  const samplesLast = append(graph, 'com.microsoft.nchwc:ReorderInput', [flat], {}, flat.shape);
  const images = appendReshape(graph, samplesLast, [blocks * c, height, width, block]);
  const before = [0, pads[0], pads[1], 0];
  const after = [0, reachedRows - height - pads[0], reachedColumns - width - pads[1], 0];
  const bordered = append(graph, 'Pad', [images, int64s(graph, [...before, ...after])], {}, [
    blocks * c,
    reachedRows,
    reachedColumns,
    block,
  ]);
  const shape = [c, n, reachedRows, reachedColumns];
  if (blocks === 1) return appendReshape(graph, bordered, shape);
  const size = reachedRows * reachedColumns * block;
  const perBlock = appendReshape(graph, bordered, [blocks, c, size]);
  const channelsFirst = append(graph, 'Transpose', [perBlock], { perm: [1, 0, 2] }, [c, blocks, size]);
  return appendReshape(graph, channelsFirst, shape);
}

/** g [N, O, r, c] → [O/b, N/b, r·c, b, b] in memory, as the blocked convolution wants its filters. */
function samplesAsInputs(graph: Graph, g: Value, blocked: Map<Value, Value>, block: number): Value {
  const [n, o, rows, columns] = g.shape as [number, number, number, number];
  if (!blocked.has(g)) blocked.set(g, append(graph, 'com.microsoft.nchwc:ReorderInput', [g], {}, g.shape));
  const [samples, filters, positions] = [n / block, o / block, rows * columns];
  const pieces = appendReshape(graph, blocked.get(g)!, [samples, block, filters, positions, block]);
  const perm = [2, 0, 3, 1, 4];
  return append(
    graph,
    'Transpose',
    [pieces],
    { perm },
    perm.map((axis) => pieces.shape[axis]),
  );
}
