// node bench/webgpu-agreement.mjs [learning rate] [weight decay] [steps]
// Trains ResNet-20 with znorm and momentum on WebGPU and on the processor, and asks at each step how far apart gradients
// and parameters are, and how many ReLUs have fallen on the other side of 0. In software: see docs/webgpu.md.
import { classification, createTrainer, fillNormal, randomStream, resnet } from '@znorm/train';
import { chain, momentum, znorm } from 'znorm';
import { output } from '../packages/train/dist/onnx/graph.js';
import { createSession } from '../packages/train/dist/runtime/session.js';
import { graphNames, trainingGraph } from '../packages/train/dist/step-graph.js';

const [learningRate = 1e-3, weightDecay = 0, steps = 3] = process.argv.slice(2).map(Number);
const batchSize = 4;
const shape = [3, 32, 32];
const objective = classification({ model: resnet({ depth: 20, classes: 10 }), input: { shape } });
const sizeOf = (dims) => dims.reduce((product, size) => product * size, 1);
const empty = (dims) => ({ shape: dims, data: new Float32Array(sizeOf(dims)) });

function batchOf(step) {
  const inputs = new Float32Array(batchSize * sizeOf(shape));
  const next = randomStream(0, 'images', step);
  fillNormal(next, inputs);
  return { inputs, labels: Int32Array.from({ length: batchSize }, () => next() % 10) };
}

/** Parameters before each step, and after the last. */
async function trajectory(engine) {
  const optimizer = chain(znorm(), momentum({ learningRate, weightDecay }));
  const trainer = await createTrainer({ objective, optimizer, batchSize, engine });
  const seen = [];
  for (let step = 0; ; step++) {
    seen.push(
      Object.fromEntries(
        trainer.parameters.map(({ path, shape, data }) => [path, { shape, data: data.slice() }]),
      ),
    );
    if (step === steps) break;
    await trainer.step(batchOf(step));
    await trainer.synchronize();
  }
  await trainer.dispose();
  return seen;
}

/** The training graph with every ReLU's output to be read. */
async function opened(engine) {
  const { graph, declared } = trainingGraph(objective, batchSize);
  const relus = graph.nodes.filter(({ opType }) => opType === 'Relu').map(({ outputs }) => outputs[0]);
  relus.forEach((value, i) => {
    output(value, `relu ${i}`);
  });
  const results = Object.fromEntries([...graph.outputs].map(([name, { shape }]) => [name, empty(shape)]));
  const session = await createSession(graph, { engine });
  return {
    layers: relus.map((value) => graph.origins.get(value)?.layer),
    results,
    async run(params, batch) {
      const feeds = graph.inputs.map(({ name, shape }) => {
        const buffer = declared.buffers.get(name);
        const fed = buffer ? empty(shape) : { shape, data: batch[name] };
        if (buffer) fed.data.fill(buffer.initial);
        return [name, params[name] ?? fed];
      });
      await session.run(Object.fromEntries(feeds), results);
    },
  };
}

const largest = (data) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const apart = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
const rms = (data) => Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);

/** The worst tensor, and the median one. */
function summary(errors) {
  const sorted = errors.toSorted(([, a], [, b]) => b - a);
  const [path, worst] = sorted[0];
  return { worst, path, median: sorted[sorted.length >> 1][1] };
}

const engines = ['native', 'webgpu'];
const [expected, found] = [await trajectory('native'), await trajectory('webgpu')];
const [native, webgpu] = [await opened('native'), await opened('webgpu')];
const paths = Object.keys(expected[0]);
for (let step = 0; step < steps; step++) {
  await native.run(expected[step], batchOf(step));
  await webgpu.run(found[step], batchOf(step));
  const flips = native.layers.flatMap((layer, i) => {
    const [a, b] = [native, webgpu].map(({ results }) => results[`relu ${i}`].data);
    const sides = Array.from(a, (value, k) => (value > 0 !== b[k] > 0 ? Math.max(value, b[k]) : 0));
    return sides.filter((value) => value > 0).map((value) => ({ layer, value, rms: rms(a), of: a.length }));
  });
  const gradientErrors = paths.map((path) => {
    const [a, b] = [native, webgpu].map(({ results }) => results[graphNames.gradient(path)].data);
    const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
    const sigma = rms(a.map((value) => value - mean));
    return { path, relative: apart(a, b) / largest(a), sigma, inSigmas: apart(a, b) / sigma };
  });
  const sigmas = gradientErrors.map(({ sigma }) => sigma);
  console.log(
    JSON.stringify({
      engines,
      step,
      flips,
      activations: native.layers.reduce((sum, _, i) => sum + native.results[`relu ${i}`].data.length, 0),
      gradients: summary(gradientErrors.map(({ path, relative }) => [path, relative])),
      inSigmas: summary(gradientErrors.map(({ path, inSigmas }) => [path, inSigmas])),
      sigma: [Math.min(...sigmas), Math.max(...sigmas)],
      parameters: summary(
        paths.map((path) => {
          const [a, b] = [expected, found].map((seen) => seen[step + 1][path].data);
          return [path, apart(a, b) / largest(a)];
        }),
      ),
    }),
  );
}
process.exit(0);
