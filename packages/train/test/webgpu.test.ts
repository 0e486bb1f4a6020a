/**
 * Training on WebGPU, in a process of its own: its driver is chosen by the environment. A machine without a graphics
 * card has one in software if Debian's Chromium is installed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./webgpu-run.mjs', import.meta.url));
const chromium = '/usr/lib/chromium';
const software = existsSync(`${chromium}/vk_swiftshader_icd.json`) && {
  LD_LIBRARY_PATH: chromium,
  VK_ICD_FILENAMES: `${chromium}/vk_swiftshader_icd.json`,
};

/** What the run printed, or why there is none. */
async function trained(model: string, steps: number) {
  try {
    const { stdout } = await run(process.execPath, [script, model, `${steps}`], {
      env: { ...process.env, ...software },
    });
    return JSON.parse(stdout.slice(stdout.indexOf('{')));
  } catch (error) {
    const noAdapter = /Failed to get a WebGPU adapter|Cannot find package 'onnxruntime-node'/.exec(
      `${error}`,
    );
    if (!noAdapter) throw error;
    return { missing: noAdapter[0] };
  }
}

describe('with updates in the graph, training on WebGPU agrees with training on the processor', () => {
  test('an MLP, znorm and momentum, three steps', async (context) => {
    const found = await trained('mlp', 3);
    context.skip(found.missing !== undefined, found.missing);
    expect(found.updates).toBe('graph');
    // A dozen roundings. Measured on SwiftShader: 1e-7 and 8e-8.
    expect(found.lossError).toBeLessThanOrEqual(1e-6);
    expect(found.parameterError).toBeLessThanOrEqual(1e-6);
  });

  test.runIf(process.env.ZNORM_FULL)(
    'a ResNet-20, znorm and momentum, two steps (full suite)',
    async (context) => {
      const found = await trained('resnet20', 2);
      context.skip(found.missing !== undefined, found.missing);
      // Sums over a batch in another order, through 20 layers and back. Measured on SwiftShader: 9e-7
      // and 3e-6, with no activation so near 0 that its rounding has another sign (docs/webgpu.md).
      expect(found.lossError).toBeLessThanOrEqual(1e-5);
      expect(found.parameterError).toBeLessThanOrEqual(1e-5);
    },
    300_000,
  );
});
