// node examples/jax-mlp/train.mjs [--images 10000] [--epochs 5] [--dataset mnist]
// A multilayer perceptron on handwritten digits in jax-js: gradients, znorm, AdamW and its schedule are one function,
// compiled once to WebAssembly.
import { parseArgs } from 'node:util';
import { defaultDevice, init, jit, nn, numpy as np, random, tree, valueAndGrad } from '@jax-js/jax';
import { loadImageDataset } from '@znorm/lab';
import { adamw, chain, cosine, warmup, znorm } from 'znorm';
import { applyUpdates, jaxTransformation } from 'znorm/jax';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '10000' },
    epochs: { type: 'string', default: '5' },
    dataset: { type: 'string', default: 'mnist' },
  },
});
const [images, epochs] = [Number(values.images), Number(values.epochs)];
const batchSize = 50;
const stepsPerEpoch = Math.floor(images / batchSize);

// Asked for by name: jax-js looks for graphics cards in `navigator`, which Node 20 does not have.
await init('wasm');
defaultDevice('wasm');

// Fetched once, checked byte by byte, then kept in ~/.cache/znorm.
const { train, test, shape, normalization } = await loadImageDataset(values.dataset);
const [mean] = normalization.mean;
const [std] = normalization.std;
const size = shape.reduce((product, length) => product * length, 1);

function batch({ images, labels }, indices) {
  const pixels = new Float32Array(indices.length * size);
  for (const [row, index] of indices.entries()) {
    pixels.set(
      Array.from(images.subarray(index * size, (index + 1) * size), (pixel) => (pixel / 255 - mean) / std),
      row * size,
    );
  }
  const digits = Int32Array.from(indices, (index) => labels[index]);
  return {
    x: np.array(pixels, { shape: [indices.length, size] }),
    y: nn.oneHot(np.array(digits, { dtype: np.int32 }), 10),
  };
}

function layer(seed, inputs, outputs) {
  const w = random.normal(random.key(seed), [inputs, outputs]).mul(Math.sqrt(2 / inputs));
  return { w, bias: np.zeros([outputs]) };
}
let params = { hidden: layer(1, size, 128), out: layer(2, 128, 10) };

function logits({ hidden, out }, x) {
  const activations = nn.relu(np.matmul(x, hidden.w).add(hidden.bias));
  return np.matmul(activations, out.w).add(out.bias);
}
function crossEntropy(params, x, y) {
  return np.mean(np.sum(nn.logSoftmax(logits(params, x)).mul(y), 1)).mul(-1);
}

const steps = stepsPerEpoch * epochs;
const learningRate = warmup({ steps: Math.ceil(steps / 20), into: cosine({ from: 3e-3, steps }) });
const optimizer = jaxTransformation(
  chain(znorm(), adamw({ learningRate, weightDecay: 0.01, decaySelect: { minRank: 2 } })),
);
let state = optimizer.init(tree.ref(params));

const step = jit((params, state, x, y) => {
  const [loss, gradients] = valueAndGrad(crossEntropy)(tree.ref(params), x, y);
  const [updates, next] = optimizer.update(gradients, state, tree.ref(params));
  return { loss, params: applyUpdates(params, updates), state: next };
});

/** The share of right answers, on the images of a split one after another. */
const predictions = jit((params, x) => np.argmax(logits(params, x), 1));
async function accuracy(split, count) {
  let right = 0;
  for (let start = 0; start + batchSize <= count; start += batchSize) {
    const indices = Array.from({ length: batchSize }, (_, i) => start + i);
    const { x, y } = batch(split, indices);
    y.dispose();
    const found = await predictions(tree.ref(params), x).data();
    right += indices.filter((index, i) => split.labels[index] === found[i]).length;
  }
  return right / (count - (count % batchSize));
}

for (let epoch = 0; epoch < epochs; epoch++) {
  const order = await random.permutation(random.key(100 + epoch), images).data();
  let sum = 0;
  for (let i = 0; i < stepsPerEpoch; i++) {
    const { x, y } = batch(train, [...order.subarray(i * batchSize, (i + 1) * batchSize)]);
    const result = step(params, state, x, y);
    ({ params, state } = result);
    sum += (await result.loss.data())[0];
  }
  const share = await accuracy(test, Math.min(test.count, images));
  console.log(`epoch ${epoch + 1}: loss ${(sum / stepsPerEpoch).toFixed(3)}, accuracy ${share.toFixed(3)}`);
}
