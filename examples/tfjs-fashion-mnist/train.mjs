// node examples/tfjs-fashion-mnist/train.mjs [--images 2000] [--epochs 5] [--dataset fashion-mnist] [--save folder]
// A convolutional network on Fashion-MNIST in TensorFlow.js, in Node without native code: znorm and AdamW on a
// schedule, gradients watched layer by layer, the best weights kept, training that can be gone on with.
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { loadImageDataset } from '@znorm/lab';
import { adamw, chain, cosine, warmup, znorm } from 'znorm';
import { gradientMonitor, restoreBestWeights, stopOnNonFinite, tfjsOptimizer } from 'znorm/tfjs';
import { fileSystem } from 'znorm/tfjs-node';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '2000' },
    epochs: { type: 'string', default: '5' },
    dataset: { type: 'string', default: 'fashion-mnist' },
    save: { type: 'string' },
  },
});
const [images, epochs] = [Number(values.images), Number(values.epochs)];
const batchSize = 32;

// Fetched once, checked byte by byte, then kept in ~/.cache/znorm.
const { train, test, normalization } = await loadImageDataset(values.dataset);
await tf.setBackend('cpu');

function tensors(split, count) {
  const pixels = tf.tensor4d(Float32Array.from(split.images.subarray(0, count * 784)), [count, 28, 28, 1]);
  const x = tf.div(tf.sub(tf.div(pixels, 255), normalization.mean[0]), normalization.std[0]);
  return { x, y: tf.oneHot(tf.tensor1d(Int32Array.from(split.labels.subarray(0, count)), 'int32'), 10) };
}
const training = tf.tidy(() => tensors(train, images));
const validation = tf.tidy(() => tensors(test, Math.ceil(images / 4)));

const model = tf.sequential({
  layers: [
    tf.layers.conv2d({ filters: 8, kernelSize: 5, strides: 2, activation: 'relu', inputShape: [28, 28, 1] }),
    tf.layers.conv2d({ filters: 16, kernelSize: 3, strides: 2, activation: 'relu' }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 10, activation: 'softmax' }),
  ],
});

const steps = Math.ceil(images / batchSize) * epochs;
const learningRate = warmup({ steps: Math.ceil(steps / 20), into: cosine({ from: 3e-3, steps }) });
const optimizer = tfjsOptimizer(
  chain(znorm(), adamw({ learningRate, weightDecay: 0.01, decaySelect: { role: 'kernel' } })),
);
model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });

const norms = {};
await model.fit(training.x, training.y, {
  epochs,
  batchSize,
  validationData: [validation.x, validation.y],
  verbose: 0,
  callbacks: [
    gradientMonitor(model, { every: 10, onReport: ({ layers }) => Object.assign(norms, layers) }),
    stopOnNonFinite(model),
    restoreBestWeights(model, { monitor: 'val_acc' }),
    {
      onEpochEnd(epoch, { loss, val_loss, val_acc }) {
        const shown = Object.entries(norms).map(([layer, norm]) => `${layer} ${norm.toPrecision(2)}`);
        console.log(
          `epoch ${epoch + 1}: loss ${loss.toFixed(3)}, validation loss ${val_loss.toFixed(3)}, accuracy ${val_acc.toFixed(3)}; gradient norms: ${shown.join(', ')}`,
        );
      },
    },
  ],
});

const [, accuracy] = model.evaluate(validation.x, validation.y);
console.log(
  `accuracy of the best epoch's weights: ${accuracy.dataSync()[0].toFixed(3)}, ${optimizer.iterations} steps`,
);

if (values.save) {
  await model.save(fileSystem(`${values.save}/model`));
  await optimizer.saveState(fileSystem(`${values.save}/optimizer`));
  console.log(`saved in ${values.save}; go on with tf.loadLayersModel(…) and optimizer.loadState(…)`);
}
