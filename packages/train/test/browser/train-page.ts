/** Runs in the browser: trains on both engines there, and posts how far apart they are. */
import { chain, momentum, znorm } from 'znorm';
import { classification } from '../../src/classification.ts';
import { mlp } from '../../src/models/mlp.ts';
import { fillNormal, randomStream } from '../../src/random.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { createTrainer } from '../../src/trainer.ts';

async function train(engine: Engine) {
  const trainer = await createTrainer({
    objective: classification({ model: mlp({ hidden: [8], classes: 10 }), input: { shape: [16] } }),
    optimizer: chain(znorm(), momentum({ learningRate: 1e-2 })),
    batchSize: 4,
    engine,
  });
  const losses: number[] = [];
  for (let step = 0; step < 3; step++) {
    const inputs = new Float32Array(4 * 16);
    const next = randomStream(0, 'inputs', step);
    fillNormal(next, inputs);
    const labels = Int32Array.from({ length: 4 }, () => next() % 10);
    losses.push((await trainer.step({ inputs, labels })).loss);
  }
  await trainer.synchronize();
  const parameters = trainer.parameters.flatMap(({ data }) => Array.from(data));
  const { updates } = trainer;
  await trainer.dispose();
  return { losses, parameters, updates };
}

async function compare() {
  const [device, processor] = [await train('webgpu'), await train('wasm')];
  const apart = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  return {
    updates: [device.updates, processor.updates],
    lossError: apart(device.losses, processor.losses),
    parameterError: apart(device.parameters, processor.parameters),
  };
}

const result = await compare().catch((error: unknown) => ({ error: `${error}` }));
await fetch('/result', { method: 'POST', body: JSON.stringify(result) });
