// node threads-run.mjs ENGINE THREADS MODEL: three Adam steps of a ResNet-8, or of a perceptron large enough that its
// update takes several threads, on fixed data; prints how the chain runs and the hash of the whole state.
import { classification, createTrainer, fillNormal, mlp, randomStream, resnet } from '@znorm/train';
import { adam } from 'znorm';

const [engine, threads, model] = process.argv.slice(2);
const models = {
  'ResNet-8': resnet({ depth: 8, classes: 10 }),
  perceptron: mlp({ hidden: [700], classes: 10 }),
};
const trainer = await createTrainer({
  objective: classification({ model: models[model], input: { shape: [3, 32, 32] } }),
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
console.log(JSON.stringify({ threads: trainer.explanation.threads?.count ?? 1, hash: trainer.stateHash() }));
