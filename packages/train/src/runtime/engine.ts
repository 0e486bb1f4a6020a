/**
 * `native` is onnxruntime-node on the processor; `wasm` is onnxruntime-web, in Node and in browsers; `webgpu` is either
 * of them on a graphics card.
 */
export type Engine = 'native' | 'wasm' | 'webgpu';

/**
 * Chooses where graphs run: `auto` takes the native runtime where it can be loaded, else WebAssembly.
 * @throws Error if `native` is asked for and cannot be loaded
 */
export async function resolveEngine(wanted: 'auto' | Engine): Promise<Engine> {
  if (wanted === 'wasm' || wanted === 'webgpu') return wanted;
  if (wanted !== 'auto' && wanted !== 'native')
    throw new RangeError(`resolveEngine: expected auto, native, wasm or webgpu, got ${wanted}.`);
  // Browsers cannot resolve the package at all, so it is not even asked for there.
  const failure =
    typeof process === 'object' && process.versions?.node ? await nativeFailure() : 'this is not Node';
  if (failure === undefined) return 'native';
  if (wanted === 'auto') return 'wasm';
  throw new Error(
    `resolveEngine: expected onnxruntime-node for the native engine, but it cannot be loaded (${failure}). Run \`npm install onnxruntime-node@1.30.0\`, or choose the engine wasm.`,
  );
}

async function nativeFailure(): Promise<string | undefined> {
  try {
    await import('onnxruntime-node');
    return undefined;
  } catch (error) {
    return String(error instanceof Error ? error.message : error).split('\n')[0];
  }
}
