import type { InferenceSession } from 'onnxruntime-web';
import { createGraph, emit, input, output } from '../onnx/graph.ts';
import { toModelBytes } from '../onnx/model.ts';
import type { OnnxRuntime, RuntimeOptions } from './onnx-runtime.ts';

type Ort = typeof import('onnxruntime-node');

let runtime: Promise<OnnxRuntime> | undefined;

/** ONNX Runtime's own library for this platform. It writes results straight into the caller's arrays. */
export function loadNative(): Promise<OnnxRuntime> {
  runtime ??= import('onnxruntime-node').then(async (ort) => ({
    Tensor: ort.Tensor as unknown as OnnxRuntime['Tensor'],
    writesInPlace: true,
    onDevice: false,
    channelBlock: await findChannelBlock(ort),
    create: (modelBytes: Uint8Array, options: RuntimeOptions) => create(ort, modelBytes, options),
  }));
  return runtime;
}

/**
 * How long a thread that waits for its next piece of work keeps its core busy before it sleeps. Operators follow
 * each other within some 10 µs, so this loses nothing to the default of 1000; but on a shared machine, where
 * the other thread may have been sent off its core, the default makes a step take twice as long.
 */
const spinMicroseconds = 50;

function create(
  ort: Ort,
  modelBytes: Uint8Array,
  { threads, profile }: RuntimeOptions,
): Promise<InferenceSession> {
  return ort.InferenceSession.create(modelBytes, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // A plan of all tensors in one block, made in the first run, is laid out beside what that run has left: ResNet-20,
    // batch 128, then peaks at 550 MiB instead of 345, and no step is faster.
    enableMemPattern: false,
    logSeverityLevel: 3,
    ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    extra: { session: { intra_op: { spin_duration_us: String(spinMicroseconds) } } },
  });
}

/**
 * The block depends on the processor (16 with AVX-512, 8 with AVX), and ONNX Runtime does not tell it. But
 * its reordering rounds the channels up to whole blocks, so the size of one reordered pixel does.
 */
async function findChannelBlock(ort: Ort): Promise<number | undefined> {
  const graph = createGraph();
  const pixel = input(graph, 'pixel', [1, 4, 1, 1]);
  output(emit(graph, 'com.microsoft.nchwc:ReorderInput', [pixel], {}, [1, 4, 1, 1]), 'reordered');
  try {
    const session = await create(ort, toModelBytes(graph), { threads: 1 });
    const { reordered } = await session.run({
      pixel: new ort.Tensor('float32', new Float32Array(4), [1, 4, 1, 1]),
    });
    await session.release();
    const block = reordered.dims[1];
    return block > 1 ? block : undefined;
  } catch {
    // A build without these kernels; the plain convolution is always there.
    return undefined;
  }
}
