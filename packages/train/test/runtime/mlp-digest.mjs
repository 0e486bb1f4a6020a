// node mlp-digest.mjs ENGINE THREADS: three steps of an MLP whose layers are wider than a batch; prints the hash of the
// whole state. Built code, because Node 20 cannot run TypeScript.
import { classification, createTrainer, fillNormal, mlp, randomStream } from '@znorm/train';
import { momentum } from 'znorm';

const [engine, threads] = process.argv.slice(2);
const trainer = await createTrainer({
  objective: classification({ model: mlp({ hidden: [256, 128], classes: 10 }), input: { shape: [28 * 28] } }),
  optimizer: momentum({ learningRate: 0.01 }),
  batchSize: 20,
  engine,
  threads: Number(threads),
});
const inputs = new Float32Array(20 * 28 * 28);
const labels = Int32Array.from({ length: 20 }, (_, i) => i % 10);
for (let step = 0; step < 3; step++) {
  fillNormal(randomStream(0, 'images', step), inputs);
  await trainer.step({ inputs, labels });
}
process.stdout.write(`${trainer.stateHash()}\n`, () => process.exit(0));
