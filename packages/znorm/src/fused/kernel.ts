import { kernelBytes } from './kernel-bytes.ts';

/** The compiled kernel on a memory. `wasm/assembly/kernel.ts` is its source. Places are byte addresses. */
export interface Kernel {
  /** Measures and updates all tensors of a plan. 1 if it refused to, and then nothing has changed. */
  step(plan: number, scratch: number, inPlace: boolean): number;
  /** The same with all threads that serve the schedule. The main thread of a browser may not wait: it asks and asks. */
  stepTogether(schedule: number, scratch: number, inPlace: boolean, mayWait: boolean): number;
  /** Takes part in the steps of a schedule until it is told to stop. */
  serve(schedule: number, scratch: number): void;
  /** Whether `count` float32 from a byte address on are all finite. */
  allFinite(address: number, count: number): number;
}

const compiled = new Map<boolean, Promise<WebAssembly.Module>>();
const compiledNow = new Map<boolean, WebAssembly.Module>();

/** @throws WebAssembly.CompileError where WebAssembly has no SIMD: engines from before 2021 */
export function kernelModule(shared: boolean): Promise<WebAssembly.Module> {
  const module = compiled.get(shared) ?? WebAssembly.compile(bytes(shared));
  compiled.set(shared, module);
  return module;
}

/** @throws WebAssembly.CompileError as `kernelModule` */
export async function createKernel(memory: WebAssembly.Memory): Promise<Kernel> {
  const { exports } = await WebAssembly.instantiate(await kernelModule(isShared(memory)), {
    env: { memory },
  });
  return exports as unknown as Kernel;
}

/**
 * The same without waiting, for callers that cannot.
 *
 * @throws WebAssembly.CompileError where WebAssembly has no SIMD
 * @throws RangeError on the main thread of a browser that compiles no module of this size there: Chromium before 115
 */
export function createKernelNow(memory: WebAssembly.Memory): Kernel {
  const shared = isShared(memory);
  const module = compiledNow.get(shared) ?? new WebAssembly.Module(bytes(shared));
  compiledNow.set(shared, module);
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernel;
}

/** Browsers have shared memories only on pages that are isolated from other origins. */
export function isShared({ buffer }: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer === 'function' && (buffer as ArrayBufferLike) instanceof SharedArrayBuffer;
}

/**
 * The module asks for a memory that is shared, or for one that is not: WebAssembly has no import that is both. The
 * compiled one asks for `03 00 80 80 04`: shared, of at least 0 and at most 65,536 pages. For the other it becomes
 * `00 80 80 80 00`: at least 0 pages, in as many bytes.
 */
function bytes(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = Uint8Array.from(atob(kernelBytes), (letter) => letter.charCodeAt(0));
  if (!shared) {
    const limits = [0x03, 0x00, 0x80, 0x80, 0x04];
    const at = module.findIndex((_, i) => limits.every((byte, k) => module[i + k] === byte));
    module.set([0x00, 0x80, 0x80, 0x80, 0x00], at);
  }
  return module;
}
