/** The fused update on Web Workers in a real browser, Debian's Chromium, whose main thread may not sleep. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { rolldown } from 'rolldown';
import { describe, expect, test } from 'vitest';

const chromiumPath = process.env.ZNORM_CHROMIUM ?? '/usr/bin/chromium';
const page = fileURLToPath(new URL('./threads-page.ts', import.meta.url));
const isolated = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

describe.runIf(existsSync(chromiumPath))('in a page (needs Debian’s Chromium)', () => {
  const bundled = (async () => {
    const bundle = await rolldown({ input: page, platform: 'browser', logLevel: 'silent' });
    return (await bundle.generate({ format: 'esm' })).output[0].code;
  })();

  test.each<[string, Record<string, string>, unknown]>([
    ['that is isolated from other origins two threads give the bits of one', isolated, { count: 2 }],
    ['that is not there is one thread, and the reason', {}, { count: 1, reason: 'its memory is not shared' }],
    [
      'whose policy allows no such workers there is one thread, and the reason',
      { ...isolated, 'Content-Security-Policy': "worker-src 'self'" },
      { count: 1, reason: 'no other could be started: the page allows no worker of this kind' },
    ],
  ])('%s', { timeout: 60_000 }, async (_, headers, threads) => {
    expect(await opened(await bundled, headers)).toEqual({ threads, differing: 0 });
  });
});

/** Serves the page and waits for what it posts. */
async function opened(script: string, headers: Record<string, string>): Promise<unknown> {
  let arrived: (body: string) => void = () => {};
  const posted = new Promise<string>((resolve) => {
    arrived = resolve;
  });
  const server = createServer(async (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.url === '/result') {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      response.end();
      return arrived(Buffer.concat(parts).toString());
    }
    const isScript = request.url === '/page.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  try {
    await (await browser.newPage()).goto(`http://127.0.0.1:${port}/`);
    return JSON.parse(await posted);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
