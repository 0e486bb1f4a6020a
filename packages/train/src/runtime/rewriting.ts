import { type Attributes, type Graph, int64s, newValue, type Value } from '../onnx/graph.ts';

/** A graph with the same inputs, outputs and constants, to which nodes are appended anew. */
export function withoutNodes(graph: Graph): Graph {
  return {
    ...graph,
    nodes: [],
    initializers: new Map(graph.initializers),
    origins: new Map(graph.origins),
    names: new Set(graph.names),
    known: new Map(),
  };
}

/** Like `emit`, but for operands that may belong to the graph that is rewritten. */
export function append(
  graph: Graph,
  opType: string,
  inputs: readonly Value[],
  attributes: Attributes,
  shape: readonly number[],
): Value {
  const colon = opType.lastIndexOf(':');
  const name = opType.slice(colon + 1);
  const y = newValue(graph, name, shape, inputs[0].dtype);
  const domain = opType.slice(0, Math.max(colon, 0));
  graph.nodes.push({ opType: name, domain, inputs, outputs: [y], attributes });
  return y;
}

export function appendReshape(graph: Graph, x: Value, shape: readonly number[]): Value {
  return append(graph, 'Reshape', [x, int64s(graph, shape)], {}, shape);
}
