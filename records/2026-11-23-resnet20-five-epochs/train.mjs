// ResNet-20 on all of CIFAR-10 for five epochs with @znorm/train, without the lab: the recipe of train_torch.py.
//
//     node records/2026-11-23-resnet20-five-epochs/train.mjs [seed] [threads]
//
// Batch 128, momentum 0.9, learning rate 0.1 falling as half a cosine to 0 over all steps, no weight decay, crops of
// 4 padded pixels, flips. Prints one JSON line an epoch.
import { loadImageDataset } from '@znorm/lab';
import { batchesInOrder, createTrainer, createTrainingBatches, resnet } from '@znorm/train';
import { cosine, momentum } from 'znorm';

const [seed, threads] = [Number(process.argv[2] ?? 0), Number(process.argv[3] ?? 2)];
const epochs = 5;
const batchSize = 128;
const { train, test, shape, normalization } = await loadImageDataset('cifar10');
const batches = createTrainingBatches(
  { ...train, shape },
  { batchSize, seed, normalization, augmentation: { crop: 4, flip: true } },
);
const steps = epochs * batches.stepsPerEpoch;
const trainer = await createTrainer({
  model: resnet({ depth: 20, classes: 10 }),
  input: { shape },
  optimizer: momentum({ learningRate: cosine({ from: 0.1, steps }), momentum: 0.9 }),
  batchSize,
  seed,
  threads,
});
const started = performance.now();
for (let epoch = 1; epoch <= epochs; epoch++) {
  let total = 0;
  while (trainer.steps < epoch * batches.stepsPerEpoch) {
    total += (await trainer.step(batches.at(trainer.steps))).loss;
  }
  const { accuracy, loss } = await trainer.evaluate(
    batchesInOrder({ ...test, shape }, { batchSize, normalization }),
  );
  console.log(
    JSON.stringify({
      engine: `onnxruntime ${trainer.engine}`,
      seed,
      epoch,
      trainLoss: Number((total / batches.stepsPerEpoch).toFixed(4)),
      testLoss: Number(loss.toFixed(4)),
      testAccuracy: accuracy,
      seconds: Math.round((performance.now() - started) / 1000),
      stateHash: trainer.stateHash(),
    }),
  );
}
