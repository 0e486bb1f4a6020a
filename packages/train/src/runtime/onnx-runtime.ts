import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { DType, TensorData } from '../onnx/graph.ts';

/** What differs between the native runtime and the WebAssembly one. */
export interface OnnxRuntime {
  readonly Tensor: new (type: DType, data: TensorData, shape: readonly number[]) => Tensor;
  /** @param profile how the file begins that times are to be written to */
  create(modelBytes: Uint8Array, threads: number, profile?: string): Promise<InferenceSession>;
  /** Channels a block of this machine's direct convolution kernels, undefined where it has none. */
  readonly channelBlock: number | undefined;
  /** Whether the runtime writes into the arrays of the fetches; otherwise results are copied there. */
  readonly writesInPlace: boolean;
}
