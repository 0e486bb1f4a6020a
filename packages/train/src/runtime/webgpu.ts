import type { InferenceSession } from 'onnxruntime-web';
import type { OnnxRuntime } from './onnx-runtime.ts';

/**
 * ONNX Runtime on WebGPU: onnxruntime-node's own in Node, the browser's elsewhere. Outputs that are kept stay on the
 * device. Operators that it has no kernel for run on the CPU.
 */
export async function loadWebGpu(): Promise<OnnxRuntime> {
  const inNode = typeof process === 'object' && process.versions?.node !== undefined;
  const ort = inNode ? await import('onnxruntime-node') : await import('onnxruntime-web/webgpu');
  return {
    Tensor: ort.Tensor as unknown as OnnxRuntime['Tensor'],
    writesInPlace: false,
    onDevice: true,
    channelBlock: undefined,
    create: (modelBytes, { kept = [] }) =>
      ort.InferenceSession.create(modelBytes, {
        executionProviders: ['webgpu'],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        preferredOutputLocation: Object.fromEntries(kept.map((name) => [name, 'gpu-buffer' as const])),
      }) as Promise<InferenceSession>,
  };
}
