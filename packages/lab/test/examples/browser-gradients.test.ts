import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reachableDataset } from './reachable-dataset.ts';

const script = fileURLToPath(new URL('../../../../examples/browser-gradients/serve.mjs', import.meta.url));
const browserPath = process.env.ZNORM_CHROMIUM ?? '/usr/bin/chromium';

// Debian's Chromium, which CI installs; elsewhere ZNORM_CHROMIUM says where a browser is.
describe.skipIf(!existsSync(browserPath))('the page that shows gradients, in Chromium', () => {
  let server: ChildProcess;
  let address: string;

  beforeAll(async () => {
    const options = ['--port', '0', '--images', '600', '--dataset', await reachableDataset()];
    server = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
    [address] = await once(createInterface({ input: server.stdout! }), 'line');
  }, 120_000);

  afterAll(() => {
    server?.kill();
  });

  it('trains, draws a line for each layer before and after the method, and reports no error', async () => {
    const browser = await chromium.launch({
      executablePath: browserPath,
      args: ['--no-sandbox', '--disable-background-networking', '--enable-unsafe-swiftshader'],
    });
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await page.goto(address);
      await page.selectOption('[name=depth]', '2');
      await page.selectOption('[name=method]', 'znorm');
      await page.click('text=Start');
      await page.waitForFunction(
        () => /Step ([2-9]\d|\d{3,}) of/.test(document.querySelector('#status')!.textContent!),
        undefined,
        { timeout: 90_000 },
      );
      const lines = (chart: string) => page.locator(`#${chart} [aria-label=line] path`).count();
      expect(await lines('before')).toBe(3);
      expect(await lines('after')).toBe(3);
      expect(await lines('loss')).toBe(1);
      expect(await page.textContent('#equation')).toContain('(g − mean(g)) / (std(g) + ε)');
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 120_000);
});
