/** jax-js on WebGPU in a real browser, on its software driver, which it has on every machine. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, backends, exceeding } from '../../conformance/backends.ts';
import type { JaxPage } from './agreement-page.ts';

const executablePath = process.env.ZNORM_CHROMIUM ?? '/usr/bin/chromium';
const { tried, usually, bound }: Backend = backends['jax-js webgpu, under jit'];
const names = process.env.ZNORM_FULL ? tried : usually!;

declare const page: JaxPage;

describe.skipIf(!existsSync(executablePath))(
  'in a browser (needs Debian’s Chromium, or ZNORM_CHROMIUM)',
  () => {
    let browser: Browser;
    let script: string;

    beforeAll(async () => {
      const input = fileURLToPath(new URL('./agreement-page.ts', import.meta.url));
      const bundle = await rolldown({ input, platform: 'browser', logLevel: 'silent' });
      script = (await bundle.generate({ format: 'esm', codeSplitting: false })).output[0].code;
      browser = await chromium.launch({
        executablePath,
        args: ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
      });
    }, 60_000);

    afterAll(() => browser?.close());

    it('chains compiled by jax-js for WebGPU agree with plain arrays', {
      timeout: 600_000,
    }, async (context) => {
      // WebGPU is for pages from a secure address, which `localhost` is; nothing needs to listen there.
      const tab = await browser.newPage();
      await tab.route('http://localhost/', (route) => route.fulfill({ contentType: 'text/html', body: '' }));
      await tab.goto('http://localhost/');
      await tab.addScriptTag({ content: script, type: 'module' });
      await tab.waitForFunction('globalThis.page');
      const missing = await tab.evaluate(() => page.start());
      context.skip(missing !== undefined, missing);
      for (const name of names) {
        const errors = await tab.evaluate((one) => page.errors(one), name);
        expect(exceeding(errors, bound), name).toEqual([]);
      }
      await tab.close();
    });
  },
);
