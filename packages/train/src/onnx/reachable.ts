import type { Graph, Value } from './graph.ts';

/** The part of a graph that its outputs are computed from: without the nodes, constants and inputs they do not need. */
export function reachable(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs.values());
  const nodes = graph.nodes.toReversed().filter((node) => {
    const used = node.outputs.some((value) => needed.has(value));
    if (used) for (const value of node.inputs) if (value) needed.add(value);
    return used;
  });
  return {
    ...graph,
    nodes: nodes.reverse(),
    inputs: graph.inputs.filter((value) => needed.has(value)),
    initializers: new Map([...graph.initializers].filter(([value]) => needed.has(value))),
  };
}
