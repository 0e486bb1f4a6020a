import { constant, type Graph, int64s, type Node, type Value } from '../onnx/graph.ts';
import { append, appendReshape, withoutNodes } from './rewriting.ts';

/** Outputs that the WebGPU kernel computes at once. */
const vector = 4;

/**
 * Rewrites grouped convolutions that ONNX Runtime 1.30 computes wrongly on WebGPU: those of more than 4 outputs a
 * group, if not a multiple of 4, whose vectors of 4 then reach into the next group. Each group is filled up with kernels
 * of zeros, and what they give is cut off again.
 */
export function padGroups(graph: Graph): Graph {
  const lowered = withoutNodes(graph);
  for (const node of graph.nodes) {
    if (reachesIntoNextGroup(node)) appendPadded(lowered, node);
    else lowered.nodes.push(node);
  }
  return lowered;
}

function reachesIntoNextGroup({ opType, inputs, attributes }: Node): boolean {
  if (opType !== 'Conv') return false;
  const group = (attributes.group as number | undefined) ?? 1;
  const each = inputs[1]!.shape[0] / group;
  return group > 1 && each > vector && each % vector !== 0;
}

function appendPadded(graph: Graph, { inputs, outputs, attributes }: Node): void {
  const [x, kernel, bias] = inputs as [Value, Value, Value | undefined];
  const [y] = outputs;
  const group = attributes.group as number;
  const [n, filters, ...positions] = y.shape;
  const each = filters / group;
  const whole = Math.ceil(each / vector) * vector;
  /** [G · each, …] → [G · whole, …] */
  const filledUp = (w: Value): Value => {
    const rest = w.shape.slice(1).reduce((a, b) => a * b, 1);
    const apart = appendReshape(graph, w, [group, each, rest]);
    const pads = int64s(graph, [0, 0, 0, 0, whole - each, 0]);
    const padded = append(graph, 'Pad', [apart, pads, constant(graph, 0)], {}, [group, whole, rest]);
    return appendReshape(graph, padded, [group * whole, ...w.shape.slice(1)]);
  };
  const operands = [x, filledUp(kernel), ...(bias ? [filledUp(bias)] : [])];
  const all = append(graph, 'Conv', operands, attributes, [n, group * whole, ...positions]);
  const area = positions.reduce((a, b) => a * b, 1);
  const apart = appendReshape(graph, all, [n, group, whole, area]);
  const bounds = [[0], [each], [2]].map((values) => int64s(graph, values));
  const cut = append(graph, 'Slice', [apart, ...bounds], {}, [n, group, each, area]);
  graph.nodes.push({
    opType: 'Reshape',
    domain: '',
    inputs: [cut, int64s(graph, y.shape)],
    outputs: [y],
    attributes: {},
  });
}
