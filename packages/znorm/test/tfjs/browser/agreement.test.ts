/** The chains in a real browser, on its software drivers of WebGL and WebGPU, which it has on every machine. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, backends, exceeding } from '../../conformance/backends.ts';
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

    it.for(['webgl', 'webgpu'] as const)(
      'chains on the %s backend agree with plain arrays, and leave no tensor behind',
      { timeout: 300_000 },
      async (backend, context) => {
        const { tried, usually, bound }: Backend = backends[`TensorFlow.js ${backend}`];
        const names = process.env.ZNORM_FULL ? tried : usually!;
        const tab = await opened(browser, script);
        const missing = await tab.evaluate((name) => page.start(name), backend);
        context.skip(missing !== undefined, missing);
        const errors = await tab.evaluate((list) => page.errors(list), names);
        expect(Object.keys(errors)).toHaveLength(6 * names.length);
        expect(exceeding(errors, bound)).toEqual([]);
        expect(await tab.evaluate(() => page.leaked())).toBe(0);
        await tab.close();
      },
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
