/** The chains in a real browser, on its software drivers of WebGL and WebGPU, which it has on every machine. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chains } from '../agreement-cases.ts';
import type { AgreementPage } from './agreement-page.ts';

const executablePath = process.env.ZNORM_CHROMIUM ?? '/usr/bin/chromium';
const flags = [
  '--no-sandbox',
  '--disable-background-networking',
  '--enable-unsafe-swiftshader',
  '--use-angle=swiftshader',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** One for each kind of statistics, of selection and of state; half a second each. All of them: ZNORM_FULL=1. */
const few = [
  'znorm by layer, AdamW',
  'znorm by row, AdamW',
  'znorm of everything, AdamW',
  'znorm by every third step, AdamW',
  'znorm by a sample, then centralized, AdamW',
  'adaptiveClip, AdamW',
  'clipped, then znorm, AdamW',
  'everything masked differently, AdamW',
  'znorm, nesterov',
  'znorm, muon',
  'lars',
  'adam, lookahead',
];
const names = process.env.ZNORM_FULL ? Object.keys(chains) : few;

/**
 * They read a number in the middle of an update. On WebGPU TensorFlow.js reads at once by drawing on a canvas, during
 * which Chromium's software adapter loses its device.
 */
const reading = [
  'guard that throws, AdamW',
  'guard that skips, AdamW',
  'znorm that may refuse, AdamW',
  'adaptive clipping of what znorm makes, AdamW',
  'large steps skipped',
];

declare const page: AgreementPage;

describe.skipIf(!existsSync(executablePath))(
  'in a browser (needs Debian’s Chromium, or ZNORM_CHROMIUM)',
  () => {
    let browser: Browser;
    let script: string;

    beforeAll(async () => {
      const input = fileURLToPath(new URL('./agreement-page.ts', import.meta.url));
      const bundle = await rolldown({ input, platform: 'browser', logLevel: 'silent' });
      script = (await bundle.generate({ format: 'iife' })).output[0].code;
      browser = await chromium.launch({ executablePath, args: flags });
    }, 60_000);

    afterAll(() => browser?.close());

    it.for(['webgl', 'webgpu'])(
      'chains on the %s backend agree with plain arrays, and leave no tensor behind',
      { timeout: 300_000 },
      async (backend, context) => {
        const tried = names.filter((name) => backend === 'webgl' || !reading.includes(name));
        const tab = await opened(browser, script);
        const missing = await tab.evaluate((name) => page.start(name), backend);
        context.skip(missing !== undefined, missing);
        const errors = await tab.evaluate((list) => page.errors(list), tried);
        expect(Object.keys(errors)).toHaveLength(6 * tried.length);
        // Five steps of some ten roundings to float32; a shader's division, root and power may be off by a few units
        // in the last place. Measured: 8.1e-7. A NaN fails, too.
        expect(Object.entries(errors).filter(([, error]) => !(error <= 1e-5))).toEqual([]);
        expect(await tab.evaluate(() => page.leaked())).toBe(0);
        await tab.close();
      },
    );

    it.skip.each(reading)(
      '%s: WebGPU in software loses its device where an update reads a number at once',
      () => {},
    );
  },
);

/** WebGPU is for pages from a secure address, which `localhost` is; nothing needs to listen there. */
async function opened(browser: Browser, script: string): Promise<Page> {
  const tab = await browser.newPage();
  await tab.route('http://localhost/', (route) => route.fulfill({ contentType: 'text/html', body: '' }));
  await tab.goto('http://localhost/');
  await tab.addScriptTag({ content: script });
  return tab;
}
