import type { Graph, Node, Value } from '../onnx/graph.ts';
import { type SampleWise, sampleWise } from './sample-wise.ts';

/** Nodes that pass samples to each other, from one sum over the batch to the next. */
export interface Stretch {
  readonly nodes: readonly Node[];
  /** Samples of the batch. */
  readonly batch: number;
}

/** What runs at one level needs only what lower levels gave, and first the nodes of the whole batch. */
export interface Level {
  readonly whole: readonly Node[];
  readonly stretches: readonly Stretch[];
}

export interface Division {
  readonly levels: readonly Level[];
  readonly wise: ReadonlyMap<Node, SampleWise>;
  readonly readers: Readers;
}

export type Readers = ReadonlyMap<Value, readonly { readonly node: Node; readonly index: number }[]>;

/** Divides a graph into stretches that can run piece by piece, and what must see the whole batch. */
export function divide(graph: Graph): Division {
  const wise = new Map<Node, SampleWise>();
  for (const node of graph.nodes) {
    const own = sampleWise(graph, node);
    if (own) wise.set(node, own);
  }
  const readers = readersOf(graph.nodes);
  const levelOf = earliest(graph.nodes, wise);
  postpone(graph, levelOf, wise, readers);
  const height = Math.max(-1, ...levelOf.values()) + 1;
  const levels = Array.from({ length: height }, (): { whole: Node[]; stretches: Stretch[] } => ({
    whole: [],
    stretches: [],
  }));
  for (const node of graph.nodes) if (!wise.has(node)) levels[levelOf.get(node)!].whole.push(node);
  for (const nodes of connected(graph.nodes, levelOf, wise)) {
    const [x] = nodes[0].inputs.filter((_, i) => wise.get(nodes[0])!.cut[i]);
    levels[levelOf.get(nodes[0])!].stretches.push({ nodes, batch: x!.shape[0] });
  }
  return { levels, wise, readers };
}

/** One more than a level from which it needs a result as a whole. */
function earliest(nodes: readonly Node[], wise: ReadonlyMap<Node, SampleWise>): Map<Node, number> {
  const levelOf = new Map<Node, number>();
  const producers = new Map<Value, Node>();
  for (const node of nodes) {
    const needed = node.inputs.map((value, i) => {
      const producer = value && producers.get(value);
      if (!producer) return 0;
      const pieceByPiece = wise.get(node)?.cut[i] && wise.get(producer)?.joins === false;
      return levelOf.get(producer)! + (wise.has(producer) && !pieceByPiece ? 1 : 0);
    });
    levelOf.set(node, Math.max(0, ...needed));
    for (const value of node.outputs) producers.set(value, node);
  }
  return levelOf;
}

/** What only later stretches read is computed there: it need not be kept until then. */
function postpone(
  graph: Graph,
  levelOf: Map<Node, number>,
  wise: ReadonlyMap<Node, SampleWise>,
  readers: Readers,
): void {
  const read = new Set(graph.outputs.values());
  for (const node of graph.nodes.toReversed()) {
    const uses = readers.get(node.outputs[0]) ?? [];
    if (wise.get(node)?.joins !== false || read.has(node.outputs[0]) || uses.length === 0) continue;
    if (uses.every((use) => wise.get(use.node)?.cut[use.index]))
      levelOf.set(node, Math.min(...uses.map((use) => levelOf.get(use.node)!)));
  }
}

function readersOf(nodes: readonly Node[]): Readers {
  const readers = new Map<Value, { node: Node; index: number }[]>();
  for (const node of nodes)
    for (const [index, value] of node.inputs.entries()) {
      if (!value) continue;
      const known = readers.get(value);
      if (known) known.push({ node, index });
      else readers.set(value, [{ node, index }]);
    }
  return readers;
}

/** Groups of nodes of one level that read or write the same samples, each in the order of the graph. */
function connected(
  nodes: readonly Node[],
  levelOf: ReadonlyMap<Node, number>,
  wise: ReadonlyMap<Node, SampleWise>,
): readonly Node[][] {
  const groupOf = new Map<Node, Node[]>();
  const touching = new Map<string, Node>();
  for (const node of nodes) {
    const own = wise.get(node);
    if (!own) continue;
    let group = [node];
    const samples = node.inputs.filter((_, i) => own.cut[i]);
    for (const value of [...samples, ...(own.joins ? [] : node.outputs)]) {
      const key = `${levelOf.get(node)} ${value!.name}`;
      const other = groupOf.get(touching.get(key)!);
      touching.set(key, node);
      if (other && other !== group) group = merge(groupOf, other, group);
    }
    for (const member of group) groupOf.set(member, group);
  }
  const places = new Map(nodes.map((node, place) => [node, place]));
  return [...new Set(groupOf.values())].map((group) => group.sort((a, b) => places.get(a)! - places.get(b)!));
}

function merge(groupOf: Map<Node, Node[]>, into: Node[], from: readonly Node[]): Node[] {
  for (const member of from) {
    into.push(member);
    groupOf.set(member, into);
  }
  return into;
}
