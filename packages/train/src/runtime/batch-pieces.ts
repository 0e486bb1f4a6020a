import { elementCount, type Graph, int64s, type Node, newValue, type Value } from '../onnx/graph.ts';
import { kernelGradientOp } from './blocked-kernel-gradient.ts';
import { appendReshape, withoutNodes } from './rewriting.ts';
import { inputsForSamples } from './sample-wise.ts';
import { type Division, divide, type Stretch } from './stretches.ts';

/**
 * The most that a tensor of a piece may take. Half a second-level cache or less: then operators find there what those
 * before them wrote. ResNet-20, batch 64, one step on one thread, milliseconds of processor time:
 *
 *     512 KiB   1 MiB   2 MiB   whole batch
 *     240       248     259     277
 */
const pieceBytes = 2 ** 19;

/**
 * Runs a graph's stretches, from one sum over the batch to the next, a few samples at a time: Scan cuts tensors along
 * axis 0 without copying, and writes results where the whole tensor lies. Sizes of pieces depend on shapes alone.
 *
 * @param block samples that kernel gradients take at once
 */
export function runInPieces(graph: Graph, block: number): Graph {
  const lowered = withoutNodes(graph);
  const division = divide(graph);
  const asPieces = new Map<string, Value>();
  for (const { whole, stretches } of division.levels) {
    lowered.nodes.push(...whole);
    for (const stretch of stretches) {
      const samples = samplesAPiece(stretch, division, block);
      if (samples === stretch.batch) lowered.nodes.push(...stretch.nodes);
      else appendScan(lowered, stretch, division, samples, asPieces);
    }
  }
  return lowered;
}

/** Where fewer operators follow each other, little is read again. */
const leastOperators = 3;

/** The most samples whose tensors are small enough, of those that divide the batch. */
function samplesAPiece({ nodes, batch }: Stretch, { wise }: Division, block: number): number {
  if (nodes.filter(({ opType }) => opType !== 'Reshape').length < leastOperators) return batch;
  const unit = nodes.some(({ opType }) => opType === kernelGradientOp) ? block : 1;
  const bytes = nodes.flatMap((node) => {
    const { cut, joins } = wise.get(node)!;
    const tensors = [...node.inputs.filter((_, i) => cut[i]), ...(joins ? [] : node.outputs)];
    return tensors.map((value) => (4 * elementCount(value!.shape)) / batch);
  });
  const fitting = Math.max(unit, Math.floor(pieceBytes / Math.max(...bytes)));
  let samples = Math.min(batch, fitting - (fitting % unit));
  while (batch % samples !== 0) samples -= unit;
  // A batch such as 97 has no divisors: very small pieces cost more than they save.
  return 4 * samples < fitting ? batch : samples;
}

/** @param asPieces tensors [N, …] as [N / samples, samples, …], by name and samples */
function appendScan(
  graph: Graph,
  { nodes, batch }: Stretch,
  { wise, readers }: Division,
  samples: number,
  asPieces: Map<string, Value>,
): void {
  const count = batch / samples;
  const scanned: Value[] = [];
  const inputs: Value[] = [];
  const inner = new Map<Value, Value>();
  const pieceOf = (value: Value): Value => {
    const known = inner.get(value);
    if (known) return known;
    const piece = newValue(graph, 'piece', value.shape.with(0, samples), value.dtype);
    const key = `${value.name} ${samples}`;
    if (!asPieces.has(key))
      asPieces.set(key, appendReshape(graph, value, [count, samples, ...value.shape.slice(1)]));
    scanned.push(asPieces.get(key)!);
    inputs.push(piece);
    inner.set(value, piece);
    return piece;
  };

  const body = nodes.map((node): Node => {
    const { cut, joins } = wise.get(node)!;
    const [y] = node.outputs;
    const operands = inputsForSamples(graph, node, samples).map((value, i) =>
      value && cut[i] ? pieceOf(value) : value,
    );
    const piece = newValue(graph, node.opType, joins ? y.shape : y.shape.with(0, samples), y.dtype);
    inner.set(y, piece);
    const origin = graph.origins.get(y);
    if (origin) graph.origins.set(piece, origin);
    return { ...node, inputs: operands, outputs: [piece] };
  });

  const within = new Set(nodes);
  const wanted = new Set(graph.outputs.values());
  const results = nodes.filter((node) => {
    const [y] = node.outputs;
    const readInPieces = (readers.get(y) ?? []).every(
      (use) => within.has(use.node) && wise.get(use.node)!.cut[use.index],
    );
    return wise.get(node)!.joins || wanted.has(y) || !readInPieces;
  });
  const outputs = results.map((node) => inner.get(node.outputs[0])!);
  const stacked = outputs.map((piece) => newValue(graph, 'pieces', [count, ...piece.shape], piece.dtype));
  const attributes = { num_scan_inputs: scanned.length, body: { body: { inputs, nodes: body, outputs } } };
  graph.nodes.push({ opType: 'Scan', domain: '', inputs: scanned, outputs: stacked, attributes });

  for (const [i, node] of results.entries()) {
    const [y] = node.outputs;
    if (wise.get(node)!.joins) {
      const opType = node.opType === 'ReduceMean' ? 'ReduceMean' : 'ReduceSum';
      const operands = [stacked[i], int64s(graph, [0])];
      graph.nodes.push({ opType, domain: '', inputs: operands, outputs: [y], attributes: { keepdims: 0 } });
    } else {
      const operands = [stacked[i], int64s(graph, y.shape)];
      graph.nodes.push({ opType: 'Reshape', domain: '', inputs: operands, outputs: [y], attributes: {} });
      asPieces.set(`${y.name} ${samples}`, stacked[i]);
    }
  }
}
