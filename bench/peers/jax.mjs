// jax-js on WebAssembly, in the Node 24 that install.mjs brings: `const jax = await jaxOn(threads)`.
import { Worker as NodeWorker } from 'node:worker_threads';

export async function jaxOn(threads) {
  standInForBrowser(threads);
  const jax = await import('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return jax;
}

/** jax-js asks a browser how many cores there are, and starts its workers from blobs. */
function standInForBrowser(cores) {
  const navigator = { hardwareConcurrency: cores, userAgent: 'node' };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  if (cores < 2) return;
  const sources = new Map();
  globalThis.Blob = class {
    constructor(parts) {
      this.source = parts.join('');
    }
  };
  URL.createObjectURL = (blob) => {
    const url = `blob:${sources.size}`;
    sources.set(url, blob.source);
    return url;
  };
  URL.revokeObjectURL = () => {};
  const prologue = `const { parentPort } = require('node:worker_threads');
    globalThis.self = globalThis;
    globalThis.postMessage = (message) => parentPort.postMessage(message);
    parentPort.on('message', (data) => self.onmessage({ data }));\n`;
  globalThis.Worker = class {
    constructor(url) {
      this.worker = new NodeWorker(prologue + sources.get(url), { eval: true });
      this.worker.unref();
      this.worker.on('message', (data) => this.onmessage?.({ data }));
      this.worker.on('error', (error) => this.onerror?.(error));
    }
    postMessage(message) {
      this.worker.postMessage(message);
    }
    terminate() {
      return this.worker.terminate();
    }
  };
}
