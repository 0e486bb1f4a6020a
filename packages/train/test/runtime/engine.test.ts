import { afterEach, expect, test, vi } from 'vitest';
import { resolveEngine } from '../../src/runtime/engine.ts';

afterEach(() => vi.doUnmock('onnxruntime-node'));

test('the native engine is taken where it can be loaded', async () => {
  expect(await resolveEngine('auto')).toBe('native');
  expect(await resolveEngine('native')).toBe('native');
  expect(await resolveEngine('wasm')).toBe('wasm');
});

test('without onnxruntime-node, auto takes WebAssembly and native says what to install', async () => {
  vi.doMock('onnxruntime-node', () => {
    throw new Error("Cannot find package 'onnxruntime-node'");
  });
  vi.resetModules();
  const fresh = await import('../../src/runtime/engine.ts');
  expect(await fresh.resolveEngine('auto')).toBe('wasm');
  await expect(fresh.resolveEngine('native')).rejects.toThrow(
    /^resolveEngine: expected onnxruntime-node for the native engine, but it cannot be loaded \(.+\)\. Run `npm install onnxruntime-node@1\.30\.0`, or choose the engine wasm\.$/,
  );
});

test('another engine is refused', async () => {
  await expect(resolveEngine('gpu' as never)).rejects.toThrow(
    'resolveEngine: expected auto, native, wasm or webgpu, got gpu.',
  );
});
