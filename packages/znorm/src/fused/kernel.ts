import { kernelBytes } from './kernel-bytes.ts';

/** The compiled kernel on a memory. `wasm/assembly/kernel.ts` is its source. */
export interface Kernel {
  /** Measures and updates all tensors of the plan at an address. 1 if it refused to, and then nothing has changed. */
  step(plan: number, inPlace: boolean): number;
  /** Whether `count` float32 from a byte address on are all finite. */
  allFinite(address: number, count: number): number;
}

let compiled: Promise<WebAssembly.Module> | undefined;
let compiledNow: WebAssembly.Module | undefined;

/** @throws WebAssembly.CompileError where WebAssembly has no SIMD: engines from before 2021 */
export async function createKernel(memory: WebAssembly.Memory): Promise<Kernel> {
  compiled ??= WebAssembly.compile(bytes());
  const { exports } = await WebAssembly.instantiate(await compiled, { env: { memory } });
  return exports as unknown as Kernel;
}

/**
 * The same without waiting, for callers that cannot.
 *
 * @throws WebAssembly.CompileError where WebAssembly has no SIMD
 * @throws RangeError on the main thread of a browser that compiles no module of this size there: Chromium before 115
 */
export function createKernelNow(memory: WebAssembly.Memory): Kernel {
  compiledNow ??= new WebAssembly.Module(bytes());
  return new WebAssembly.Instance(compiledNow, { env: { memory } }).exports as unknown as Kernel;
}

function bytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(kernelBytes), (letter) => letter.charCodeAt(0));
}
