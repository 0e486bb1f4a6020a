import type { Runtime } from './session.ts';

/** ONNX Runtime's own library for this platform. It writes results straight into the caller's arrays. */
export async function loadNative(): Promise<Runtime> {
  const ort = await import('onnxruntime-node');
  return {
    Tensor: ort.Tensor as unknown as Runtime['Tensor'],
    writesInPlace: true,
    create: (modelBytes, threads) =>
      ort.InferenceSession.create(modelBytes, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: 'all',
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
      }),
  };
}
