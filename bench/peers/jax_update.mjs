// node jax_update.mjs <tensors> <elements of each> <threads>, with the Node 24 that install.mjs brings
// jax-js on WebAssembly: z-scores and Adam in one function under `jit`. Protocol as in peer.ts.
import { createInterface } from 'node:readline';
import { Worker as NodeWorker } from 'node:worker_threads';

const [tensors, size, threads] = process.argv.slice(2).map(Number);
standInForBrowser(threads);
const { blockUntilReady, defaultDevice, init, jit, numpy: np, tree } = await import('@jax-js/jax');
await init('wasm');
defaultDevice('wasm');

const filled = () => {
  const values = Float32Array.from({ length: size }, () => Math.random() - 0.5);
  return np.array(values);
};
const zeros = () => np.zeros([size]);
const list = (make) => Array.from({ length: tensors }, make);
const gradients = list(filled);
let state = { w: list(filled), m: list(zeros), v: list(zeros) };

const update = jit(({ w, m, v }, g, c1, c2) => {
  const u = g.map((gradient) => {
    const distance = gradient.ref.sub(np.mean(gradient));
    const deviation = np.sqrt(np.mean(np.square(distance.ref)));
    return distance.div(deviation.add(1e-8));
  });
  const m1 = m.map((mean, i) => mean.mul(0.9).add(u[i].ref.mul(0.1)));
  const v1 = v.map((square, i) => square.mul(0.999).add(np.square(u[i]).mul(0.001)));
  const w1 = w.map((weight, i) => {
    const direction = m1[i].ref.mul(c1.ref).div(np.sqrt(v1[i].ref.mul(c2.ref)).add(1e-8));
    return weight.sub(direction.mul(1e-3));
  });
  c1.dispose();
  c2.dispose();
  return { w: w1, m: m1, v: v1 };
});

let steps = 0;
async function step() {
  const start = performance.now();
  steps++;
  const correction = (decay) => np.array(new Float32Array([1 / (1 - decay ** steps)]));
  state = update(state, tree.ref(gradients), correction(0.9), correction(0.999));
  await blockUntilReady(state);
  return performance.now() - start;
}

console.log('"ready"');
for await (const line of createInterface({ input: process.stdin })) {
  const times = [];
  for (let i = 0; i < Number(line); i++) times.push(await step());
  console.log(JSON.stringify(times));
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
