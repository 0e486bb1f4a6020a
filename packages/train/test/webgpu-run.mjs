// node webgpu-run.mjs <model: resnet20 | mlp> <steps>
// Trains on WebGPU with the updates in the graph, and on the processor with the fused kernel; prints how far apart they
// are as JSON: losses, and parameters relative to the largest of their tensor.
import { classification, createTrainer, fillNormal, mlp, randomStream, resnet } from '@znorm/train';
import { chain, momentum, znorm } from 'znorm';

const [name, count] = process.argv.slice(2);
const steps = Number(count);
const batchSize = 4;
const shape = name === 'mlp' ? [16] : [3, 32, 32];
const model = name === 'mlp' ? mlp({ hidden: [8], classes: 10 }) : resnet({ depth: 20, classes: 10 });
const optimizer = chain(znorm(), momentum({ learningRate: 1e-3 }));
const size = shape.reduce((a, b) => a * b, 1);

function batchOf(step) {
  const inputs = new Float32Array(batchSize * size);
  const next = randomStream(0, 'images', step);
  fillNormal(next, inputs);
  return { inputs, labels: Int32Array.from({ length: batchSize }, () => next() % 10) };
}

async function train(engine) {
  const trainer = await createTrainer({
    objective: classification({ model, input: { shape } }),
    optimizer,
    batchSize,
    engine,
  });
  const losses = [];
  for (let step = 0; step < steps; step++) losses.push((await trainer.step(batchOf(step))).loss);
  await trainer.synchronize();
  const parameters = trainer.parameters.map(({ data }) => data.slice());
  const { loss } = await trainer.evaluate(batchOf(99));
  const { updates } = trainer;
  await trainer.dispose();
  return { losses: [...losses, loss], parameters, updates };
}

const onDevice = await train('webgpu');
const onProcessor = await train('native');
const relative = (a, b) => {
  const size = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return b.reduce((most, value, i) => Math.max(most, Math.abs(a[i] - value)), 0) / (size || 1);
};
console.log(
  JSON.stringify({
    updates: onDevice.updates,
    losses: onDevice.losses,
    lossError: Math.max(...onDevice.losses.map((loss, i) => Math.abs(loss / onProcessor.losses[i] - 1))),
    parameterError: Math.max(
      ...onDevice.parameters.map((data, i) => relative(data, onProcessor.parameters[i])),
    ),
  }),
);
process.exit(0);
