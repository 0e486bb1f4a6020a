import * as Plot from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs';
import {
  adam,
  centralize,
  chain,
  clipByGlobalNorm,
  cosine,
  identity,
  init,
  inspectGradients,
  sgd,
  update,
  znorm,
} from 'znorm';
import { tfjsOptimizer } from 'znorm/tfjs';

const methods = {
  baseline: { transformation: identity(), equation: 'u = g: the gradient as it is.' },
  clip: {
    transformation: clipByGlobalNorm({ maxNorm: 1 }),
    equation: 'u = g · min(1, 1/‖all g‖): large steps are shortened, small layers stay small.',
  },
  gc: {
    transformation: centralize(),
    equation: 'u = g − mean(g), unit by unit: gradient centralization.',
  },
  znorm: {
    transformation: znorm({ apply: 'matrices' }),
    equation: 'u = (g − mean(g)) / (std(g) + ε), kernel by kernel: every layer hears the same.',
  },
};
const rates = { baseline: 0.5, clip: 0.5, gc: 0.5, znorm: 0.002 };
const [steps, batchSize, redrawEvery] = [400, 64, 5];

const form = document.querySelector('#settings');
for (const name of Object.keys(methods)) form.elements.method.append(new Option(name));
form.elements.method.addEventListener('change', showEquation);
showEquation();

/** Raised by each start: a training that finds it changed is no longer wanted. */
let run = 0;
form.addEventListener('submit', (event) => {
  event.preventDefault();
  train(Object.fromEntries(new FormData(form)), ++run).catch((error) => say(error.message));
});

function showEquation() {
  document.querySelector('#equation').textContent = methods[form.elements.method.value].equation;
}

function say(text) {
  document.querySelector('#status').textContent = text;
}

async function train({ activation, depth, method, optimizer: kind }, mine) {
  say('Loading images …');
  const { training, validation } = await data();
  const hidden = Array.from({ length: Number(depth) }, (_, i) =>
    tf.layers.dense({
      units: 48,
      activation,
      name: `layer${String(i + 1).padStart(2, '0')}`,
      kernelInitializer: tf.initializers.glorotUniform({ seed: i }),
      ...(i === 0 && { inputShape: [784] }),
    }),
  );
  const output = tf.layers.dense({
    units: 10,
    name: 'output',
    kernelInitializer: tf.initializers.glorotUniform({ seed: 99 }),
  });
  const model = tf.sequential({ layers: [...hidden, output] });
  const { transformation } = methods[method];
  const learningRate = kind === 'adam' ? 2e-3 : cosine({ from: rates[method], steps });
  const optimizer = tfjsOptimizer(
    chain(transformation, kind === 'adam' ? adam({ learningRate }) : sgd({ learningRate })),
    { model },
  );
  const points = { before: [], after: [], loss: [], accuracy: [] };
  let step = 0;
  optimizer.observe((gradients, infos) => {
    if (step % redrawEvery !== 0) return;
    const raw = Object.fromEntries(
      Object.entries(gradients).map(([path, tensor]) => [
        path,
        { shape: tensor.shape, data: tensor.dataSync() },
      ]),
    );
    const described = Object.fromEntries(infos.map((info) => [info.path, info]));
    const state = init(transformation, raw, described);
    const { updates } = update(transformation, raw, state, raw, described);
    points.before.push(...norms(raw, step));
    points.after.push(...norms(updates, step));
  });

  try {
    for (; step < steps && mine === run; step++) {
      const batch = slice(training, (step * batchSize) % (training.count - batchSize), batchSize);
      const loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(batch.y, model.apply(batch.x)),
        true,
      );
      const [value] = await loss.data();
      tf.dispose([loss, batch.x, batch.y]);
      points.loss.push({ step, value });
      if (step % redrawEvery === 0 || step === steps - 1) {
        if (step % (5 * redrawEvery) === 0 || step === steps - 1) {
          points.accuracy.push({ step, value: accuracy(model, validation) });
        }
        draw(points);
        say(
          `Step ${step + 1} of ${steps}, loss ${value.toFixed(3)}, accuracy ${percent(points.accuracy.at(-1).value)}`,
        );
        await new Promise(requestAnimationFrame);
      }
    }
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

/** The norm of each layer at a step; layers in the order of the network. */
function norms(gradients, step) {
  return Object.entries(inspectGradients(gradients).layers).map(([layer, norm]) => ({ layer, norm, step }));
}

function accuracy(model, { x, y }) {
  return tf.tidy(() => {
    const right = tf.equal(tf.argMax(model.apply(x), 1), tf.argMax(y, 1));
    return tf.mean(tf.cast(right, 'float32')).dataSync()[0];
  });
}

function draw({ before, after, loss, accuracy: correct }) {
  const layers = [...new Set(before.map(({ layer }) => layer))];
  const byLayer = (points) =>
    Plot.plot({
      width: 460,
      height: 260,
      marginLeft: 50,
      x: { label: 'step', domain: [0, steps] },
      y: { label: 'norm', type: 'log', grid: true, tickFormat: '~g' },
      color: {
        domain: layers,
        range: layers.map((_, i) => shade(i / Math.max(1, layers.length - 1))),
        legend: true,
      },
      marks: [
        Plot.lineY(
          points.filter(({ norm }) => norm > 0),
          { x: 'step', y: 'norm', stroke: 'layer', strokeWidth: 1.6 },
        ),
      ],
    });
  const single = (points, label, options = {}) =>
    Plot.plot({
      width: 460,
      height: 220,
      marginLeft: 50,
      x: { label: 'step', domain: [0, steps] },
      y: { label, grid: true, ...options },
      marks: [Plot.lineY(points, { x: 'step', y: 'value', stroke: '#14507a', strokeWidth: 1.6 })],
    });
  document.querySelector('#before').replaceChildren(byLayer(before));
  document.querySelector('#after').replaceChildren(byLayer(after));
  document.querySelector('#loss').replaceChildren(single(loss, 'cross entropy'));
  document
    .querySelector('#accuracy')
    .replaceChildren(single(correct, '%', { domain: [0, 100], percent: true }));
}

/** Dark blue near the input, light orange near the output. */
function shade(t) {
  return `color-mix(in oklab, #0b2f4d ${100 * (1 - t)}%, #e08a2b)`;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

let loaded;
/** The images that serve.mjs sends: a byte of label, then 784 of pixels, each. */
function data() {
  loaded ??= fetch('images.bin').then(async (response) => {
    const bytes = new Uint8Array(await response.arrayBuffer());
    const count = bytes.length / 785;
    const held = Math.min(500, Math.floor(count / 4));
    const pixels = new Float32Array(count * 784);
    const labels = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      labels[i] = bytes[785 * i];
      for (let j = 0; j < 784; j++) pixels[784 * i + j] = bytes[785 * i + 1 + j] / 255 - 0.3;
    }
    const part = (start, end) => ({
      x: tf.tensor2d(pixels.subarray(784 * start, 784 * end), [end - start, 784]),
      y: tf.cast(tf.oneHot(tf.tensor1d(labels.subarray(start, end), 'int32'), 10), 'float32'),
      count: end - start,
    });
    return { training: part(0, count - held), validation: part(count - held, count) };
  });
  return loaded;
}

function slice({ x, y }, start, count) {
  return { x: tf.slice(x, [start, 0], [count, 784]), y: tf.slice(y, [start, 0], [count, 10]) };
}
