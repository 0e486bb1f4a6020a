/** Runs in the browser: trains the network that the address names on both engines there, and posts how far apart they are. */
import { chain, momentum, znorm } from 'znorm';
import { classification } from '../../src/classification.ts';
import { mlp } from '../../src/models/mlp.ts';
import { resnet } from '../../src/models/resnet.ts';
import { fillNormal, randomStream } from '../../src/random.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { createTrainer } from '../../src/trainer.ts';

const batchSize = 4;
const networks = {
  mlp: {
    model: mlp({ hidden: [8], classes: 10 }),
    shape: [16],
    optimizer: chain(znorm(), momentum({ learningRate: 1e-2 })),
    steps: 3,
  },
  resnet20: {
    model: resnet({ depth: 20, classes: 10 }),
    shape: [3, 32, 32],
    optimizer: chain(znorm(), momentum({ learningRate: 1e-3, weightDecay: 1e-4 })),
    steps: 2,
  },
};
const { model, shape, optimizer, steps } = networks[location.hash.slice(1) as keyof typeof networks];

async function train(engine: Engine) {
  const trainer = await createTrainer({
    objective: classification({ model, input: { shape } }),
    optimizer,
    batchSize,
    engine,
  });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const inputs = new Float32Array(batchSize * shape.reduce((product, size) => product * size, 1));
    const next = randomStream(0, 'inputs', step);
    fillNormal(next, inputs);
    const labels = Int32Array.from({ length: batchSize }, () => next() % 10);
    losses.push((await trainer.step({ inputs, labels })).loss);
  }
  await trainer.synchronize();
  const parameters = trainer.parameters.map(({ data }) => Array.from(data));
  const { updates } = trainer;
  await trainer.dispose();
  return { losses, parameters, updates };
}

async function compare() {
  const [device, processor] = [await train('webgpu'), await train('wasm')];
  const apart = (a: readonly number[], b: readonly number[]) =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
  const size = (a: readonly number[]) => a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return {
    updates: [device.updates, processor.updates],
    lossError: apart(device.losses, processor.losses),
    // Relative to the largest element of the tensor.
    parameterError: Math.max(
      ...processor.parameters.map((data, i) => apart(data, device.parameters[i]!) / (size(data) || 1)),
    ),
  };
}

const result = await compare().catch((error: unknown) => ({ error: `${error}` }));
await fetch('/result', { method: 'POST', body: JSON.stringify(result) });
