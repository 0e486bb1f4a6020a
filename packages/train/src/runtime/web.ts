import type { OnnxRuntime } from './onnx-runtime.ts';

/** ONNX Runtime in WebAssembly, in Node and in browsers. Tensors are copied into and out of its memory. */
export async function loadWasm(): Promise<OnnxRuntime> {
  const ort = await import('onnxruntime-web');
  return {
    Tensor: ort.Tensor as unknown as OnnxRuntime['Tensor'],
    writesInPlace: false,
    onDevice: false,
    channelBlock: undefined,
    create: (modelBytes, { threads }) => {
      // The thread pool belongs to the WebAssembly module: the first session decides for the process.
      ort.env.wasm.numThreads = threads;
      return ort.InferenceSession.create(modelBytes, {
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
      });
    },
  };
}
