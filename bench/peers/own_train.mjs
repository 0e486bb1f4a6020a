// node own_train.mjs resnet20 <batch size> <threads>
// Our own training step in a process of its own, to see what it takes of memory and how long until its first step.
import { classification, createTrainer, resnet, resolveEngine } from '@znorm/train';
import { momentum } from 'znorm';
import { answer } from './answer.mjs';

const [network, batchSize, threads] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
await resolveEngine('native'); // the runtime is loaded, as PyTorch is when it says that it is ready
let trainer;
const inputs = Float32Array.from({ length: batchSize * 3072 }, (_, i) => Math.sin(i));
const labels = Int32Array.from({ length: batchSize }, (_, i) => i % 10);

await answer(async () => {
  trainer ??= await createTrainer({
    objective: classification({
      model: resnet({ depth: Number(network.replace('resnet', '')), classes: 10 }),
      input: { shape: [3, 32, 32] },
    }),
    optimizer: momentum({ learningRate: 0.01, momentum: 0.9 }),
    batchSize,
    threads,
  });
  await trainer.step({ inputs, labels });
});
