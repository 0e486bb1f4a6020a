import { createGraph, emit, input, output } from '../onnx/graph.ts';
import type { Engine } from './engine.ts';
import { createSession } from './session.ts';

let native: Promise<boolean> | undefined;

/**
 * Whether ONNX Runtime reads and writes views of a shared memory. onnxruntime-web does: it copies them into and out of
 * its own. onnxruntime-node goes by what Node lets it see, and that is found out by trying: Node 24 takes them, and
 * results are written in place; Node 20 refuses.
 */
export async function takesSharedViews(engine: Engine): Promise<boolean> {
  // Browsers share memory only on pages that are isolated from other origins.
  if (engine === 'webgpu' || typeof SharedArrayBuffer !== 'function') return false;
  if (engine === 'wasm') return true;
  native ??= nativeTakesThem();
  return native;
}

async function nativeTakesThem(): Promise<boolean> {
  const graph = createGraph();
  output(emit(graph, 'Neg', [input(graph, 'x', [1])], {}, [1]), 'y');
  const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const [x, y] = [0, 4].map((at) => ({ shape: [1], data: new Float32Array(buffer, at, 1) }));
  x.data[0] = 1;
  const session = await createSession(graph, { engine: 'native' });
  try {
    await session.run({ x }, { y });
    return y.data[0] === -1;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}
