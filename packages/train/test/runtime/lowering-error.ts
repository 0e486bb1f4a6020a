import type { Graph, Value } from '../../src/onnx/graph.ts';
import { toModelBytes } from '../../src/onnx/model.ts';
import { createSession, type TensorView } from '../../src/runtime/session.ts';
import { relativeError } from '../autodiff/operator-check.ts';

/** How far the worst output of a graph rewritten for this machine is from that of the graph as it stands. */
export async function loweringError(graph: Graph): Promise<number> {
  const [plain, lowered] = await Promise.all(
    [toModelBytes(graph), graph].map((model) => outputs(graph, model)),
  );
  return Math.max(...plain.map((expected, i) => relativeError(lowered[i], expected)));
}

async function outputs(graph: Graph, model: Graph | Uint8Array): Promise<Float32Array[]> {
  const session = await createSession(model, { engine: 'native', threads: 2 });
  const feeds = Object.fromEntries(graph.inputs.map((value, seed) => [value.name, waves(value, seed)]));
  const fetches = Object.fromEntries(
    [...graph.outputs].map(([name, { shape }]) => [name, { shape, data: new Float32Array(count(shape)) }]),
  );
  await session.run(feeds, fetches);
  await session.release();
  return Object.values(fetches).map(({ data }) => data);
}

function waves({ shape }: Value, seed: number): TensorView {
  return { shape, data: Float32Array.from({ length: count(shape) }, (_, i) => Math.sin(i * 1.7 + seed)) };
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
