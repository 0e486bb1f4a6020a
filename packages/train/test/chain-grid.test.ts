/** The conformance grid as nodes of ONNX graphs: on the processor here, on WebGPU in a process of its own. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { describe, expect, test } from 'vitest';
import { type Backend, backends, exceeding } from '../../znorm/test/conformance/backends.ts';
import { errorsOnOnnx } from './carriers/grid.ts';

describe.each([
  ['ONNX cpu', 'native'],
  ['ONNX wasm', 'wasm'],
] as const)('%s: a step is that on plain arrays', (backend, engine) => {
  test.each(backends[backend].tried)('%s', async (name) => {
    expect(exceeding(await errorsOnOnnx(name, engine), backends[backend].bound)).toEqual([]);
  });
});

const chromium = '/usr/lib/chromium';
const software = existsSync(`${chromium}/vk_swiftshader_icd.json`) && {
  LD_LIBRARY_PATH: chromium,
  VK_ICD_FILENAMES: `${chromium}/vk_swiftshader_icd.json`,
};

/** Its driver is chosen by the environment of the process. */
async function onWebGpu(names: readonly string[]): Promise<Record<string, Record<string, number>>> {
  // Within the workspace, where packages are found by their names.
  const folder = mkdtempSync(fileURLToPath(new URL('../../../node_modules/.znorm-', import.meta.url)));
  try {
    const bundle = await rolldown({
      input: fileURLToPath(new URL('./carriers/webgpu-grid.ts', import.meta.url)),
      platform: 'node',
      external: ['onnxruntime-node', 'onnxruntime-web', /^node:/],
      logLevel: 'silent',
    });
    await bundle.write({ dir: folder, format: 'esm', entryFileNames: 'grid.mjs' });
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(folder, 'grid.mjs'), JSON.stringify(names)],
      { env: { ...process.env, ...software } },
    );
    return JSON.parse(stdout.slice(stdout.indexOf('{')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('ONNX webgpu: a step is that on plain arrays', { timeout: 600_000 }, async (context) => {
  const { tried, usually, bound }: Backend = backends['ONNX webgpu'];
  const names = process.env.ZNORM_FULL ? tried : usually!;
  try {
    const found = await onWebGpu(names);
    expect(Object.keys(found)).toEqual(names);
    for (const [name, errors] of Object.entries(found)) expect(exceeding(errors, bound), name).toEqual([]);
  } catch (error) {
    const missing = /Failed to get a WebGPU adapter|Cannot find package 'onnxruntime-node'/.exec(`${error}`);
    context.skip(missing !== null, missing?.[0]);
    throw error;
  }
});
