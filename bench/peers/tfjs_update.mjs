// node tfjs_update.mjs <tensors> <elements of each> <threads>
// TensorFlow.js on WebAssembly: z-scores composed of its operations, then its Adam. One thread: in Node its kernels
// know no more. Protocol as in peer.ts.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm');
setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist/'));
tf.enableProdMode();
await tf.setBackend('wasm');

const [tensors, size] = process.argv.slice(2).map(Number);
const named = Array.from({ length: tensors }, (_, i) => `w${i}`);
for (const name of named) tf.variable(tf.randomNormal([size]), true, name);
const gradients = named.map(() => tf.randomNormal([size]));
const optimizer = tf.train.adam(1e-3);

function step() {
  const start = performance.now();
  tf.tidy(() => {
    const updates = gradients.map((gradient) => {
      const { mean, variance } = tf.moments(gradient);
      return tf.div(tf.sub(gradient, mean), tf.add(tf.sqrt(variance), 1e-8));
    });
    optimizer.applyGradients(Object.fromEntries(named.map((name, i) => [name, updates[i]])));
  });
  return performance.now() - start;
}

console.log('"ready"');
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(Array.from({ length: Number(line) }, step)));
}
