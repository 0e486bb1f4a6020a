// node threads-run.mjs ENGINE THREADS: three Adam steps of a ResNet-8 on fixed data; prints the hash of the whole state.
import { classification, createTrainer, fillNormal, randomStream, resnet } from '@znorm/train';
import { adam } from 'znorm';

const [engine, threads] = process.argv.slice(2);
const trainer = await createTrainer({
  objective: classification({ model: resnet({ depth: 8, classes: 10 }), input: { shape: [3, 32, 32] } }),
  optimizer: adam({ learningRate: 1e-3 }),
  batchSize: 16,
  engine,
  threads: Number(threads),
});
const inputs = new Float32Array(16 * 3072);
const labels = Int32Array.from({ length: 16 }, (_, i) => i % 10);
for (let step = 0; step < 3; step++) {
  fillNormal(randomStream(0, 'images', step), inputs);
  await trainer.step({ inputs, labels });
}
console.log(trainer.stateHash());
