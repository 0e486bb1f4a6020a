import { kernelBytes } from './kernel-bytes.ts';

/** The compiled kernel on a memory. `wasm/assembly/kernel.ts` is its source. */
export interface Kernel {
  /** Measures and updates all tensors of the plan at an address. 1 if it refused to, and then nothing has changed. */
  step(plan: number, inPlace: boolean): number;
  /** Whether `count` float32 from a byte address on are all finite. */
  allFinite(address: number, count: number): number;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** @throws WebAssembly.CompileError where WebAssembly has no SIMD: engines from before 2021 */
export async function createKernel(memory: WebAssembly.Memory): Promise<Kernel> {
  compiled ??= WebAssembly.compile(Uint8Array.from(atob(kernelBytes), (letter) => letter.charCodeAt(0)));
  const { exports } = await WebAssembly.instantiate(await compiled, { env: { memory } });
  return exports as unknown as Kernel;
}
