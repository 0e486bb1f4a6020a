import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { DType, TensorData } from '../onnx/graph.ts';

export interface RuntimeOptions {
  readonly threads: number;
  /** How the file begins that times are to be written to. */
  readonly profile?: string | undefined;
  /** Outputs that stay where the runtime computes. */
  readonly kept?: readonly string[];
}

/** What differs between the native runtime, the WebAssembly one and WebGPU. */
export interface OnnxRuntime {
  readonly Tensor: new (type: DType, data: TensorData, shape: readonly number[]) => Tensor;
  create(modelBytes: Uint8Array, options: RuntimeOptions): Promise<InferenceSession>;
  /** Whether graphs run on a graphics card, and the rewrites for processors are not for them. */
  readonly onDevice: boolean;
  /** Channels a block of this machine's direct convolution kernels, undefined where it has none. */
  readonly channelBlock: number | undefined;
  /** Whether the runtime writes into the arrays of the fetches; otherwise results are copied there. */
  readonly writesInPlace: boolean;
}
